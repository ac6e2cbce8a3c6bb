package raffle

import (
	"context"
	"crypto/rand"
	"math/big"

	"github.com/bellhop/bellhop/demo/domain"
)

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
