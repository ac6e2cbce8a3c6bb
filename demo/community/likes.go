package community

import (
	"context"

	"github.com/bellhop/bellhop/demo/domain"
)

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
