package raffle

import (
	"context"
	"crypto/rand"
	"math/big"

	"github.com/bellhop/bellhop/demo/domain"
)

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
