package raffle_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/demo/domain"
	"github.com/bellhop/bellhop/demo/raffle"
)

type rig struct {
	*raffle.Service

	db     *domain.DB
	events *[]domain.Event
}

func newRig(t *testing.T) rig {
	t.Helper()
	db, err := domain.Open(t.Context(), filepath.Join(t.TempDir(), "demo.db"), raffle.Schema)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	var events []domain.Event
	db.Subscribe(func(_ context.Context, _ *sqlx.Tx, e domain.Event) error {
		events = append(events, e)
		return nil
	}, nil)
	return rig{raffle.New(db, time.Now), db, &events}
}

func (r rig) offer(t *testing.T) int64 {
	t.Helper()
	id, err := r.Offer(t.Context(), "sora", domain.Text{Text: "A weekend"})
	require.NoError(t, err)
	return id
}

func TestTicketsLowerTheChanceOfEach(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	id := r.offer(t)
	var chances []float64
	for _, person := range []string{"mina", "jonas", "mina", "haru"} {
		now, _, err := r.Participate(t.Context(), person, id)
		require.NoError(t, err)
		chances = append(chances, now.Probability())
	}
	require.Equal(t, []float64{1, 1. / 2, 1. / 3, 1. / 4}, chances)
	now, history, own, err := r.Raffle(t.Context(), "mina", id)
	require.NoError(t, err)
	require.Equal(t, 2, own)
	require.Equal(t, 4, now.Tickets)
	require.Equal(t, 3, now.People)
	var points [][2]int
	for _, p := range history {
		points = append(points, [2]int{p.Tickets, p.Own})
	}
	require.Equal(t, [][2]int{{1, 1}, {2, 1}, {3, 2}, {4, 2}}, points)
	require.Equal(t, raffle.Offered{Raffle: id}, (*r.events)[0])
	last, ok := (*r.events)[4].(raffle.Participated)
	require.True(t, ok)
	require.Equal(t, "haru", last.Person)
	require.Equal(t, now, last.Raffle)
	require.InDelta(t, 1, raffle.Raffle{}.Probability(), 0, "before the first ticket")
}

func TestTicketsAreBounded(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	id := r.offer(t)
	for i := range raffle.MaxTickets {
		_, own, err := r.Participate(t.Context(), "mina", id)
		require.NoError(t, err)
		require.Equal(t, i+1, own)
	}
	_, _, err := r.Participate(t.Context(), "mina", id)
	require.ErrorIs(t, err, domain.ErrConflict)
	_, _, err = r.Participate(t.Context(), "mina", 99)
	require.ErrorIs(t, err, domain.ErrNotFound)
	_, _, none, err := r.Raffle(t.Context(), "mina", 99)
	require.Zero(t, none)
	require.ErrorIs(t, err, domain.ErrNotFound)
	_, err = r.db.Exec(`
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
INSERT INTO tickets (raffle, person, created_at) SELECT ?, 'guest', 0 FROM n`, raffle.MaxAll-raffle.MaxTickets, id)
	require.NoError(t, err)
	_, _, err = r.Participate(t.Context(), "haru", id)
	require.ErrorIs(t, err, domain.ErrConflict)
	_, history, _, err := r.Raffle(t.Context(), "mina", id)
	require.NoError(t, err)
	require.Equal(t, raffle.MaxAll, history[len(history)-1].Tickets, "of a long history the end is shown")
	require.Less(t, len(history), 1000)
}

func TestOneOfTheTicketsWins(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	winners := map[string]int{}
	for range 30 {
		id := r.offer(t)
		_, err := r.Draw(t.Context(), id)
		require.ErrorIs(t, err, domain.ErrConflict, "nobody has a ticket")
		for _, person := range []string{"mina", "jonas"} {
			_, _, err := r.Participate(t.Context(), person, id)
			require.NoError(t, err)
		}
		over, err := r.Draw(t.Context(), id)
		require.NoError(t, err)
		winners[*over.Winner]++
		require.Equal(t, raffle.Drawn{Raffle: over}, (*r.events)[len(*r.events)-1])
		_, err = r.Draw(t.Context(), id)
		require.ErrorIs(t, err, domain.ErrConflict, "it is drawn")
		_, _, err = r.Participate(t.Context(), "haru", id)
		require.ErrorIs(t, err, domain.ErrConflict)
	}
	// One chance in 5e8 that a fair draw fails here.
	require.Positive(t, winners["mina"])
	require.Positive(t, winners["jonas"])
	require.Len(t, winners, 2)
	_, err := r.Draw(t.Context(), 99)
	require.ErrorIs(t, err, domain.ErrNotFound)
	list, err := r.Raffles(t.Context())
	require.NoError(t, err)
	require.Len(t, list, 20)
	require.NotNil(t, list[0].Winner)
}
