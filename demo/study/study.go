// Package study is the second of the demo's systems: a board of projects that
// look for people. Somebody applies, and the project's owner takes or refuses
// them, for as long as there are seats.
//
// It knows nothing of notifications; see package domain.
package study

import (
	"context"
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

// Project looks for people.
type Project struct {
	ID        int64       `db:"id" json:"id"`
	Owner     string      `db:"owner" json:"owner"`
	Title     domain.Text `db:"title" json:"title"`
	Body      domain.Text `db:"body" json:"body"`
	Seats     int         `db:"seats" json:"seats"`
	Taken     int         `db:"taken" json:"taken"`
	CreatedAt int64       `db:"created_at" json:"created_at"`
}

const selectProjects = `
SELECT p.id, p.owner, p.title, p.body, p.seats, p.created_at,
       (SELECT COUNT(*) FROM applications a WHERE a.project = p.id AND a.state = 'accepted') AS taken
FROM projects p `

// Projects lists the newest projects.
func (s *Service) Projects(ctx context.Context) ([]Project, error) {
	return domain.List[Project](ctx, s.db, selectProjects+`ORDER BY p.id DESC LIMIT ?`, mostListed)
}

// Propose puts a project up and returns its id.
func (s *Service) Propose(ctx context.Context, owner string, title, body domain.Text, seats int) (int64, error) {
	if seats < 1 || seats > MaxSeats {
		return 0, domain.Refuse(domain.ErrInvalid, "a project has 1 to %d seats", MaxSeats)
	}
	return s.db.Add(ctx, func(id int64) domain.Event { return SeatsChanged{Project: id, Seats: seats} },
		`INSERT INTO projects (owner, title, body, seats, created_at) VALUES (?, ?, ?, ?, ?)`,
		owner, title, body, seats, domain.Millis(s.now()))
}

// States of an application.
const (
	Waiting  = "waiting"
	Accepted = "accepted"
	Refused  = "refused"
)

// Application is somebody's wish to take part.
type Application struct {
	ID        int64       `db:"id" json:"id"`
	Project   int64       `db:"project" json:"project"`
	Applicant string      `db:"applicant" json:"applicant"`
	Message   domain.Text `db:"message" json:"message"`
	State     string      `db:"state" json:"state"`
	CreatedAt int64       `db:"created_at" json:"created_at"`
}

// Applications lists those that concern a person, the newest first: their own,
// and those to their projects.
func (s *Service) Applications(ctx context.Context, person string) ([]Application, error) {
	return domain.List[Application](ctx, s.db, `
SELECT a.id, a.project, a.applicant, a.message, a.state, a.created_at FROM applications a JOIN projects p ON p.id = a.project
WHERE a.applicant = ? OR p.owner = ? ORDER BY a.id DESC LIMIT ?`, person, person, 2*mostListed)
}

// Apply asks to take part in a project, which somebody may do once.
func (s *Service) Apply(ctx context.Context, applicant string, project int64, message domain.Text) (Application, error) {
	a := Application{Project: project, Applicant: applicant, Message: message, State: Waiting, CreatedAt: domain.Millis(s.now())}
	err := s.db.Write(ctx, func(tx *domain.Tx) error {
		var p Project
		if err := domain.One(ctx, tx, &p, "project", selectProjects+`WHERE p.id = ?`, project); err != nil {
			return err
		}
		if p.Owner == applicant {
			return domain.Refuse(domain.ErrConflict, "it is your own project")
		}
		if p.Taken >= p.Seats {
			return domain.Refuse(domain.ErrConflict, "all seats are taken")
		}
		result, err := tx.ExecContext(ctx, `
INSERT INTO applications (project, applicant, message, state, created_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			a.Project, a.Applicant, a.Message, a.State, a.CreatedAt)
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		if err == nil && n == 0 {
			err = domain.Refuse(domain.ErrConflict, "you have applied already")
		}
		if err != nil {
			return err
		}
		if a.ID, err = result.LastInsertId(); err != nil {
			return err
		}
		return tx.Emit(ctx, Applied{Application: a, ProjectTitle: p.Title, Owner: p.Owner})
	})
	return a, err
}

// Decide takes or refuses somebody, which only the project's owner may do, and
// once.
func (s *Service) Decide(ctx context.Context, owner string, application int64, accept bool) (Application, error) {
	var a Application
	err := s.db.Write(ctx, func(tx *domain.Tx) error {
		if err := domain.One(ctx, tx, &a, "application", `SELECT id, project, applicant, message, state, created_at FROM applications WHERE id = ?`, application); err != nil {
			return err
		}
		var p Project
		if err := domain.One(ctx, tx, &p, "project", selectProjects+`WHERE p.id = ?`, a.Project); err != nil {
			return err
		}
		switch {
		case p.Owner != owner:
			return domain.Refuse(domain.ErrNotAllowed, "it is somebody else's project")
		case a.State != Waiting:
			return domain.Refuse(domain.ErrConflict, "it is decided already")
		case accept && p.Taken >= p.Seats:
			return domain.Refuse(domain.ErrConflict, "all seats are taken")
		}
		a.State = Refused
		if accept {
			a.State = Accepted
			p.Taken++
		}
		if _, err := tx.ExecContext(ctx, `UPDATE applications SET state = ? WHERE id = ?`, a.State, a.ID); err != nil {
			return err
		}
		if err := tx.Emit(ctx, Decided{Application: a, ProjectTitle: p.Title, Owner: owner}); err != nil || !accept {
			return err
		}
		return tx.Emit(ctx, SeatsChanged{Project: p.ID, Seats: p.Seats, Taken: p.Taken})
	})
	return a, err
}
