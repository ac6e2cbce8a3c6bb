// Package community is the first of the demo's systems: people who find homes for
// pets. They write posts on boards, comments and replies, like posts, and write to
// each other: notes, which are like letters, and chats.
//
// It knows nothing of notifications; see package domain.
package community

import (
	"context"
	_ "embed"
	"slices"
	"time"

	"github.com/bellhop/bellhop/demo/domain"
)

// Schema makes the tables. It may be run again.
//
//go:embed schema.sql
var Schema string

// Limits of what people write, in characters, and of what a list shows.
const (
	MaxTitle   = 120
	MaxBody    = 2000
	MaxComment = 1000

	mostListed = 100
)

// PopularAt is how many people, besides the author, have to like a post for it
// to be popular.
const PopularAt = 3

// Service does the community's business. It is safe for concurrent use.
type Service struct {
	db  *domain.DB
	now func() time.Time
}

// New makes the service of a database that has the Schema.
func New(db *domain.DB, now func() time.Time) *Service { return &Service{db: db, now: now} }

// CommentWritten says: somebody wrote a comment under a post, or a reply under a
// comment.
type CommentWritten struct {
	Comment     Comment
	PostTitle   domain.Text
	PostAuthor  string
	RepliedTo   string // the author of the comment above; empty for no reply
	AllComments int    // under the post, with this one
}

// CommentDeleted says: somebody took a comment back.
type CommentDeleted struct {
	Comment    Comment
	PostAuthor string
	Newest     bool     // it was the post's last comment
	Thread     []string // whom it may have been a reply to
}

// PostLiked says: somebody likes a post, or does not any more.
type PostLiked struct {
	Post  int64
	Likes int
}

// PostBecamePopular says: PopularAt people like it, besides its author. It happens to
// a post once.
type PostBecamePopular struct {
	Post      int64
	PostTitle domain.Text
	Author    string
	Likes     int
}

// NoteSent says: somebody wrote somebody a note.
type NoteSent struct{ Note Note }

// MessageSent says: somebody said something in a chat.
type MessageSent struct{ Message Message }

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
	return s.db.Add(ctx, nil, `INSERT INTO posts (board, author, title, body, picture, created_at) VALUES (?, ?, ?, ?, ?, ?)`,
		p.Board, author, p.Title, p.Body, p.Picture, domain.Millis(s.now()))
}
