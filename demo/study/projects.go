package study

import (
	"context"

	"github.com/bellhop/bellhop/demo/domain"
)

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
	var id int64
	err := s.db.Write(ctx, func(tx *domain.Tx) (err error) {
		id, err = domain.Insert(ctx, tx, `INSERT INTO projects (owner, title, body, seats, created_at) VALUES (?, ?, ?, ?, ?)`,
			owner, title, body, seats, domain.Millis(s.now()))
		if err != nil {
			return err
		}
		return tx.Emit(ctx, SeatsChanged{Project: id, Seats: seats})
	})
	return id, err
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
