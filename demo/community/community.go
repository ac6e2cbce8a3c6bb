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
