package community

import (
	"context"
	"slices"

	"github.com/bellhop/bellhop/demo/domain"
)

// boards are the places where posts stand, in the order in which they are shown.
var boards = []string{"adopt", "found", "stories", "talk"}

// pictures are the drawings that a post may have.
var pictures = []string{"dog", "cat", "rabbit", "bird", "none"}

// Post is a post as lists show it.
type Post struct {
	ID        int64       `db:"id" json:"id"`
	Board     string      `db:"board" json:"board"`
	Author    string      `db:"author" json:"author"`
	Title     domain.Text `db:"title" json:"title"`
	Body      domain.Text `db:"body" json:"body"`
	Picture   string      `db:"picture" json:"picture"`
	Popular   bool        `db:"popular" json:"popular"`
	CreatedAt int64       `db:"created_at" json:"created_at"`
	Likes     int         `db:"likes" json:"likes"`
	Comments  int         `db:"comments" json:"comments"`
	Liked     bool        `db:"liked" json:"liked"` // by who asks
}

const selectPosts = `
SELECT p.id, p.board, p.author, p.title, p.body, p.picture, p.popular, p.created_at,
       (SELECT COUNT(*) FROM likes l WHERE l.post = p.id) AS likes,
       (SELECT COUNT(*) FROM comments c WHERE c.post = p.id) AS comments,
       EXISTS (SELECT 1 FROM likes l WHERE l.post = p.id AND l.person = ?) AS liked
FROM posts p `

// Posts lists the newest posts of a board, or of all if it is empty, as viewer
// sees them.
func (s *Service) Posts(ctx context.Context, viewer, board string) ([]Post, error) {
	if board == "" {
		return domain.List[Post](ctx, s.db, selectPosts+`ORDER BY p.id DESC LIMIT ?`, viewer, mostListed)
	}
	if !slices.Contains(boards, board) {
		return nil, domain.Refuse(domain.ErrNotFound, "there is no such board")
	}
	return domain.List[Post](ctx, s.db, selectPosts+`WHERE p.board = ? ORDER BY p.id DESC LIMIT ?`, viewer, board, mostListed)
}

// Post is a post with its comments, the oldest first.
func (s *Service) Post(ctx context.Context, viewer string, id int64) (Post, []Comment, error) {
	var post Post
	if err := domain.One(ctx, s.db, &post, "post", selectPosts+`WHERE p.id = ?`, viewer, id); err != nil {
		return Post{}, nil, err
	}
	// The newest ones if there are too many, and then in order.
	comments, err := domain.List[Comment](ctx, s.db, selectComments+`
WHERE id IN (SELECT id FROM comments WHERE post = ? ORDER BY id DESC LIMIT ?) ORDER BY id`, id, 5*mostListed)
	return post, comments, err
}

// NewPost is what somebody wants to post.
type NewPost struct {
	Board, Picture string
	Title, Body    domain.Text
}

// Write puts a post on a board and returns its id.
func (s *Service) Write(ctx context.Context, author string, p NewPost) (int64, error) {
	if !slices.Contains(boards, p.Board) {
		return 0, domain.Refuse(domain.ErrInvalid, "there is no such board")
	}
	if !slices.Contains(pictures, p.Picture) {
		return 0, domain.Refuse(domain.ErrInvalid, "there is no such picture")
	}
	var id int64
	err := s.db.Write(ctx, func(tx *domain.Tx) (err error) {
		id, err = domain.Insert(ctx, tx, `INSERT INTO posts (board, author, title, body, picture, created_at) VALUES (?, ?, ?, ?, ?, ?)`,
			p.Board, author, p.Title, p.Body, p.Picture, domain.Millis(s.now()))
		return err
	})
	return id, err
}
