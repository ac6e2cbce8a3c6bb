// Package study is the second of the demo's systems: a board of projects that
// look for people. Somebody applies, and the project's owner takes or refuses
// them, for as long as there are seats.
//
// It knows nothing of notifications; see package domain.
package study

import (
	_ "embed"
	"time"

	"github.com/bellhop/bellhop/demo/domain"
)

// Schema makes the tables. It may be run again.
//
//go:embed schema.sql
var Schema string

// Limits of what people write, in characters, of a project's seats, and of what
// a list shows.
const (
	MaxTitle   = 120
	MaxBody    = 1000
	MaxMessage = 500
	MaxSeats   = 20

	mostListed = 100
)

// Applied says: somebody wants to take part in a project.
type Applied struct {
	Application  Application
	ProjectTitle domain.Text
	Owner        string
}

// Decided says: the owner of a project took or refused somebody.
type Decided struct {
	Application  Application
	ProjectTitle domain.Text
	Owner        string
}

// SeatsChanged says: a project was put up, or has more people than before.
type SeatsChanged struct {
	Project      int64
	Seats, Taken int
}

// Service does the business of the project board. It is safe for concurrent use.
type Service struct {
	db  *domain.DB
	now func() time.Time
}

// New makes the service of a database that has the Schema.
func New(db *domain.DB, now func() time.Time) *Service { return &Service{db: db, now: now} }
