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
