package community

import (
	"context"

	"github.com/bellhop/bellhop/demo/domain"
)

// Comment stands under a post, or under another comment of the same post.
type Comment struct {
	ID        int64       `db:"id" json:"id"`
	Post      int64       `db:"post" json:"post"`
	Parent    *int64      `db:"parent" json:"parent"`
	Author    string      `db:"author" json:"author"`
	Body      domain.Text `db:"body" json:"body"`
	CreatedAt int64       `db:"created_at" json:"created_at"`
}

const selectComments = `SELECT id, post, parent, author, body, created_at FROM comments `

// Comment adds a comment to a post; with a parent, a reply to that comment.
// Replies stand one level deep: one to a reply stands beside it, and is a reply
// to its author all the same.
func (s *Service) Comment(ctx context.Context, author string, post int64, parent *int64, body domain.Text) (Comment, error) {
	c := Comment{Post: post, Author: author, Body: body, CreatedAt: domain.Millis(s.now())}
	err := s.db.Write(ctx, func(tx *domain.Tx) error {
		written := CommentWritten{}
		var above Post
		if err := domain.One(ctx, tx, &above, "post", selectPosts+`WHERE p.id = ?`, author, post); err != nil {
			return err
		}
		if parent != nil {
			var to Comment
			if err := domain.One(ctx, tx, &to, "comment", selectComments+`WHERE id = ?`, *parent); err != nil {
				return err
			}
			if to.Post != post {
				return domain.Refuse(domain.ErrInvalid, "the comment stands under another post")
			}
			written.RepliedTo = to.Author
			c.Parent = &to.ID
			if to.Parent != nil {
				c.Parent = to.Parent
			}
		}
		var err error
		c.ID, err = domain.Insert(ctx, tx, `INSERT INTO comments (post, parent, author, body, created_at) VALUES (?, ?, ?, ?, ?)`,
			c.Post, c.Parent, c.Author, c.Body, c.CreatedAt)
		if err != nil {
			return err
		}
		written.Comment, written.PostTitle, written.PostAuthor, written.AllComments = c, above.Title, above.Author, above.Comments+1
		return tx.Emit(ctx, written)
	})
	return c, err
}

// Uncomment deletes somebody's own comment, unless there are replies to it.
func (s *Service) Uncomment(ctx context.Context, author string, id int64) (Comment, error) {
	var c Comment
	err := s.db.Write(ctx, func(tx *domain.Tx) error {
		if err := domain.One(ctx, tx, &c, "comment", selectComments+`WHERE id = ?`, id); err != nil {
			return err
		}
		if c.Author != author {
			return domain.Refuse(domain.ErrNotAllowed, "it is somebody else's comment")
		}
		deleted := CommentDeleted{Comment: c}
		var below, later int
		err := tx.QueryRowxContext(ctx, `SELECT (SELECT COUNT(*) FROM comments WHERE parent = ?),
       (SELECT COUNT(*) FROM comments WHERE post = ? AND id > ?), (SELECT author FROM posts WHERE id = ?)`, id, c.Post, id, c.Post).
			Scan(&below, &later, &deleted.PostAuthor)
		if err != nil {
			return err
		}
		if below > 0 {
			return domain.Refuse(domain.ErrConflict, "there are replies to it")
		}
		deleted.Newest = later == 0
		if c.Parent != nil {
			// Which of them it was a reply to is not kept.
			err := tx.SelectContext(ctx, &deleted.Thread, `SELECT DISTINCT author FROM comments WHERE (id = ? OR parent = ?) AND id < ? AND author <> ?`,
				*c.Parent, *c.Parent, id, author)
			if err != nil {
				return err
			}
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM comments WHERE id = ?`, id); err != nil {
			return err
		}
		return tx.Emit(ctx, deleted)
	})
	return c, err
}

// Like says whether a person likes a post, and returns how many do. Saying it
// again changes nothing.
func (s *Service) Like(ctx context.Context, person string, post int64, likes bool) (int, error) {
	change := `INSERT INTO likes (post, person) VALUES (?, ?) ON CONFLICT DO NOTHING`
	if !likes {
		change = `DELETE FROM likes WHERE post = ? AND person = ?`
	}
	var p Post
	err := s.db.Write(ctx, func(tx *domain.Tx) error {
		if err := domain.One(ctx, tx, &p, "post", selectPosts+`WHERE p.id = ?`, person, post); err != nil {
			return err
		}
		if p.Liked == likes {
			return nil
		}
		if _, err := tx.ExecContext(ctx, change, post, person); err != nil {
			return err
		}
		if err := tx.GetContext(ctx, &p.Likes, `SELECT COUNT(*) FROM likes WHERE post = ?`, post); err != nil {
			return err
		}
		if err := tx.Emit(ctx, PostLiked{Post: post, Likes: p.Likes}); err != nil {
			return err
		}
		return s.perhapsPopular(ctx, tx, p)
	})
	return p.Likes, err
}

// perhapsPopular notes that a post has become popular, the first time that it is.
func (s *Service) perhapsPopular(ctx context.Context, tx *domain.Tx, p Post) error {
	var byOthers int
	err := tx.GetContext(ctx, &byOthers, `SELECT COUNT(*) FROM likes WHERE post = ? AND person <> ?`, p.ID, p.Author)
	if err != nil || p.Popular || byOthers < PopularAt {
		return err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE posts SET popular = 1 WHERE id = ?`, p.ID); err != nil {
		return err
	}
	return tx.Emit(ctx, PostBecamePopular{Post: p.ID, PostTitle: p.Title, Author: p.Author, Likes: p.Likes})
}
