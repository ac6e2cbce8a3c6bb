// Package raffle is the third of the demo's systems: people draw tickets for a
// prize, everybody watches the chance of winning fall, and one of the tickets is
// drawn in the end.
//
// It knows nothing of notifications; see package domain.
package raffle

import (
	"context"
	"crypto/rand"
	_ "embed"
	"math/big"
	"slices"
	"time"

	"github.com/bellhop/bellhop/demo/domain"
)

// Schema makes the tables. It may be run again.
//
//go:embed schema.sql
var Schema string

// Limits of a raffle.
const (
	MaxPrize   = 120
	MaxTickets = 5    // of one person
	MaxAll     = 5000 // of a raffle

	mostListed = 20
	mostPoints = 240 // of a chart
)

// Raffle is one prize and what became of it.
type Raffle struct {
	ID        int64       `db:"id" json:"id"`
	Prize     domain.Text `db:"prize" json:"prize"`
	Host      string      `db:"host" json:"host"`
	Winner    *string     `db:"winner" json:"winner"` // nil before the draw
	CreatedAt int64       `db:"created_at" json:"created_at"`
	DrawnAt   *int64      `db:"drawn_at" json:"drawn_at"`
	Tickets   int         `db:"tickets" json:"tickets"`
	People    int         `db:"people" json:"people"`
}

// Probability is the chance of each single ticket; 1 while there is none.
func (r Raffle) Probability() float64 { return 1 / float64(max(r.Tickets, 1)) }

// Offered says: a raffle has begun.
type Offered struct{ Raffle int64 }

// Participated says: somebody has drawn a ticket.
type Participated struct {
	Raffle Raffle // with this ticket
	Person string
	At     int64
}

// Drawn says: the raffle is over and has a winner.
type Drawn struct{ Raffle Raffle }

// Service does the raffles' business. It is safe for concurrent use.
type Service struct {
	db  *domain.DB
	now func() time.Time
}

// New makes the service of a database that has the Schema.
func New(db *domain.DB, now func() time.Time) *Service { return &Service{db: db, now: now} }

const selectRaffles = `
SELECT r.id, r.prize, r.host, r.winner, r.created_at, r.drawn_at,
       (SELECT COUNT(*) FROM tickets t WHERE t.raffle = r.id) AS tickets,
       (SELECT COUNT(DISTINCT person) FROM tickets t WHERE t.raffle = r.id) AS people
FROM raffles r `

// Raffles lists the newest raffles.
func (s *Service) Raffles(ctx context.Context) ([]Raffle, error) {
	return domain.List[Raffle](ctx, s.db, selectRaffles+`ORDER BY r.id DESC LIMIT ?`, mostListed)
}

// Point is how many tickets there were at a moment, and how many of them were
// those of who asks.
type Point struct {
	At      int64 `db:"created_at" json:"at"`
	Tickets int   `db:"tickets" json:"tickets"`
	Own     int   `db:"own" json:"own"`
}

// Raffle is a raffle with its recent history, the oldest point first, and the
// tickets that a person has in it.
func (s *Service) Raffle(ctx context.Context, person string, id int64) (r Raffle, history []Point, own int, err error) {
	if err := domain.One(ctx, s.db, &r, "raffle", selectRaffles+`WHERE r.id = ?`, id); err != nil {
		return r, nil, 0, err
	}
	if err := s.db.GetContext(ctx, &own, `SELECT COUNT(*) FROM tickets WHERE raffle = ? AND person = ?`, id, person); err != nil {
		return r, nil, 0, err
	}
	history, err = domain.List[Point](ctx, s.db, `
SELECT created_at, tickets, own FROM (
    SELECT id, created_at, ROW_NUMBER() OVER (ORDER BY id) AS tickets, SUM(person = ?) OVER (ORDER BY id) AS own
    FROM tickets WHERE raffle = ?
) ORDER BY id DESC LIMIT ?`, person, id, mostPoints)
	slices.Reverse(history)
	return r, history, own, err
}

// Offer begins a raffle and returns its id.
func (s *Service) Offer(ctx context.Context, host string, prize domain.Text) (int64, error) {
	return s.db.Add(ctx, func(id int64) domain.Event { return Offered{id} },
		`INSERT INTO raffles (prize, host, created_at) VALUES (?, ?, ?)`, prize, host, domain.Millis(s.now()))
}

// Participate draws a ticket for a person and returns the raffle with it, and how
// many tickets the person has now.
func (s *Service) Participate(ctx context.Context, person string, id int64) (r Raffle, own int, err error) {
	err = s.db.Write(ctx, func(tx *domain.Tx) error {
		if err := domain.One(ctx, tx, &r, "raffle", selectRaffles+`WHERE r.id = ?`, id); err != nil {
			return err
		}
		if err := tx.GetContext(ctx, &own, `SELECT COUNT(*) FROM tickets WHERE raffle = ? AND person = ?`, id, person); err != nil {
			return err
		}
		switch {
		case r.Winner != nil:
			return domain.Refuse(domain.ErrConflict, "the raffle is over")
		case own >= MaxTickets:
			return domain.Refuse(domain.ErrConflict, "nobody has more than %d tickets", MaxTickets)
		case r.Tickets >= MaxAll:
			return domain.Refuse(domain.ErrConflict, "all %d tickets are drawn", MaxAll)
		}
		at := domain.Millis(s.now())
		if _, err := tx.ExecContext(ctx, `INSERT INTO tickets (raffle, person, created_at) VALUES (?, ?, ?)`, id, person, at); err != nil {
			return err
		}
		if own++; own == 1 {
			r.People++
		}
		r.Tickets++
		return tx.Emit(ctx, Participated{Raffle: r, Person: person, At: at})
	})
	return r, own, err
}

// Draw draws one of the tickets, each with the same chance, and ends the raffle.
// Anybody may: it is a demo.
func (s *Service) Draw(ctx context.Context, id int64) (Raffle, error) {
	var r Raffle
	err := s.db.Write(ctx, func(tx *domain.Tx) error {
		if err := domain.One(ctx, tx, &r, "raffle", selectRaffles+`WHERE r.id = ?`, id); err != nil {
			return err
		}
		switch {
		case r.Winner != nil:
			return domain.Refuse(domain.ErrConflict, "the raffle is over")
		case r.Tickets == 0:
			return domain.Refuse(domain.ErrConflict, "nobody has a ticket")
		}
		n, err := rand.Int(rand.Reader, big.NewInt(int64(r.Tickets)))
		if err != nil {
			return err
		}
		var winner string
		err = tx.GetContext(ctx, &winner, `SELECT person FROM tickets WHERE raffle = ? ORDER BY id LIMIT 1 OFFSET ?`, id, n.Int64())
		if err != nil {
			return err
		}
		at := domain.Millis(s.now())
		if _, err := tx.ExecContext(ctx, `UPDATE raffles SET winner = ?, drawn_at = ? WHERE id = ?`, winner, at, id); err != nil {
			return err
		}
		r.Winner, r.DrawnAt = &winner, &at
		return tx.Emit(ctx, Drawn{r})
	})
	return r, err
}
