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
