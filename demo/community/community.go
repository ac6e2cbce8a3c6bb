// Package community is the first of the demo's systems: people who find homes for
// pets. They write posts on boards, comments and replies, like posts, and write to
// each other: notes, which are like letters, and chats.
//
// It knows nothing of notifications; see package domain.
package community

import (
	_ "embed"
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
