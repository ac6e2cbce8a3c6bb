package study_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/demo/domain"
	"github.com/bellhop/bellhop/demo/study"
)

func said(s string) domain.Text { return domain.Text{Text: s} }

func newStudy(t *testing.T) (*study.Service, *[]domain.Event) {
	t.Helper()
	db, err := domain.Open(t.Context(), filepath.Join(t.TempDir(), "demo.db"), study.Schema)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	var events []domain.Event
	db.Subscribe(func(_ context.Context, _ *sqlx.Tx, e domain.Event) error {
		events = append(events, e)
		return nil
	}, nil)
	return study.New(db, time.Now), &events
}

func TestApplicationsAreDecidedByTheOwnerWhileThereAreSeats(t *testing.T) {
	t.Parallel()
	s, events := newStudy(t)
	project, err := s.Propose(t.Context(), "sora", said("A weather station"), said("On the roof."), 1)
	require.NoError(t, err)
	apply := func(person string) study.Application {
		a, err := s.Apply(t.Context(), person, project, said("I own a ladder."))
		require.NoError(t, err)
		return a
	}
	jonas, mina, haru := apply("jonas"), apply("mina"), apply("haru")

	_, err = s.Apply(t.Context(), "jonas", project, said("Again!"))
	require.ErrorIs(t, err, domain.ErrConflict)
	_, err = s.Apply(t.Context(), "sora", project, said("Me"))
	require.ErrorIs(t, err, domain.ErrConflict)
	_, err = s.Apply(t.Context(), "jonas", 99, said("Where?"))
	require.ErrorIs(t, err, domain.ErrNotFound)
	_, err = s.Decide(t.Context(), "jonas", jonas.ID, true)
	require.ErrorIs(t, err, domain.ErrNotAllowed)
	_, err = s.Decide(t.Context(), "sora", 99, true)
	require.ErrorIs(t, err, domain.ErrNotFound)

	refused, err := s.Decide(t.Context(), "sora", haru.ID, false)
	require.NoError(t, err)
	accepted, err := s.Decide(t.Context(), "sora", jonas.ID, true)
	require.NoError(t, err)
	_, err = s.Decide(t.Context(), "sora", jonas.ID, false)
	require.ErrorIs(t, err, domain.ErrConflict, "it is decided")
	_, err = s.Decide(t.Context(), "sora", mina.ID, true)
	require.ErrorIs(t, err, domain.ErrConflict, "it is full")
	_, err = s.Apply(t.Context(), "tomas", project, said("Late"))
	require.ErrorIs(t, err, domain.ErrConflict)

	title := said("A weather station")
	require.Equal(t, []domain.Event{
		study.SeatsChanged{Project: project, Seats: 1},
		study.Applied{Application: jonas, ProjectTitle: title, Owner: "sora"},
		study.Applied{Application: mina, ProjectTitle: title, Owner: "sora"},
		study.Applied{Application: haru, ProjectTitle: title, Owner: "sora"},
		study.Decided{Application: refused, ProjectTitle: title, Owner: "sora"},
		study.Decided{Application: accepted, ProjectTitle: title, Owner: "sora"},
		study.SeatsChanged{Project: project, Seats: 1, Taken: 1},
	}, *events)
	require.Equal(t, []string{study.Refused, study.Accepted}, []string{refused.State, accepted.State})

	for person, want := range map[string]int{"sora": 3, "jonas": 1, "tomas": 0} {
		list, err := s.Applications(t.Context(), person)
		require.NoError(t, err)
		require.Len(t, list, want, person)
	}
	projects, err := s.Projects(t.Context())
	require.NoError(t, err)
	require.Len(t, projects, 1)
	require.Equal(t, 1, projects[0].Taken)
}

func TestSeatsAreBounded(t *testing.T) {
	t.Parallel()
	s, _ := newStudy(t)
	for _, seats := range []int{-1, 0, study.MaxSeats + 1} {
		_, err := s.Propose(t.Context(), "sora", said("x"), said("x"), seats)
		require.ErrorIs(t, err, domain.ErrInvalid)
	}
}
