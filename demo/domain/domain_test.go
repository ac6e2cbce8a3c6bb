package domain_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/demo/domain"
)

const schema = `CREATE TABLE IF NOT EXISTS things (id INTEGER PRIMARY KEY, name TEXT NOT NULL)`

func open(t *testing.T) *domain.DB {
	t.Helper()
	db, err := domain.Open(t.Context(), filepath.Join(t.TempDir(), "demo.db"), schema)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func count(t *testing.T, db *domain.DB) (n int) {
	t.Helper()
	require.NoError(t, db.Get(&n, `SELECT COUNT(*) FROM things`))
	return n
}

// TestWhatSubscribersWriteIsThereWithTheThingItself, or neither is.
func TestWhatSubscribersWriteIsThereWithTheThingItself(t *testing.T) {
	t.Parallel()
	db := open(t)
	commits := 0
	var refuse error
	db.Subscribe(func(ctx context.Context, tx *sqlx.Tx, e domain.Event) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO things (name) VALUES (?)`, "of "+e.(string)); err != nil {
			return err
		}
		return refuse
	}, func() { commits++ })
	write := func(after error) error {
		return db.Write(t.Context(), func(tx *domain.Tx) error {
			if _, err := domain.Insert(t.Context(), tx, `INSERT INTO things (name) VALUES ('x')`); err != nil {
				return err
			}
			if err := tx.Emit(t.Context(), "x"); err != nil {
				return err
			}
			return after
		})
	}
	require.NoError(t, write(nil))
	require.Equal(t, 2, count(t, db))
	changed := errors.New("changed my mind")
	require.ErrorIs(t, write(changed), changed)
	refuse = errors.New("no room")
	require.ErrorIs(t, write(nil), refuse)
	require.Equal(t, 2, count(t, db))
	require.Equal(t, 1, commits)

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, db.Write(ended, func(*domain.Tx) error { return nil }), context.Canceled)
}

func TestDatabaseIsItsOwnersAlone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "demo.db")
	db, err := domain.Open(t.Context(), path, schema)
	require.NoError(t, err)
	require.NoError(t, db.Close())
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	_, err = domain.Open(t.Context(), t.TempDir(), schema)
	require.ErrorContains(t, err, "demo's database")
	_, err = domain.Open(t.Context(), path, "CREATE NONSENSE")
	require.ErrorContains(t, err, "schema of the demo")
}

func TestTextsAreTrimmedAndBounded(t *testing.T) {
	t.Parallel()
	text, err := domain.Said("a note", "  강아지\n왔어요 \n", 9)
	require.NoError(t, err)
	require.Equal(t, domain.Text{Text: "강아지\n왔어요"}, text)
	for _, bad := range []string{"", " \n", strings.Repeat("x", 10), "a\xff"} {
		_, err := domain.Said("a note", bad, 9)
		require.ErrorIs(t, err, domain.ErrInvalid, "%q", bad)
	}
	long := domain.Text{Text: "one two three", Korean: "하나 둘"}
	require.Equal(t, domain.Text{Text: "one two…", Korean: "하나 둘"}, long.Excerpt(9))

	kept, err := long.Value()
	require.NoError(t, err)
	var back domain.Text
	require.NoError(t, back.Scan(kept))
	require.Equal(t, long, back)
	require.Error(t, back.Scan(7))
	require.Error(t, back.Scan("{"))
}

func TestNamesFitATokenAndAChannel(t *testing.T) {
	t.Parallel()
	for _, p := range domain.People() {
		known, err := domain.Named(p.ID)
		require.NoError(t, err)
		require.Equal(t, p, known)
		require.NotEmpty(t, p.Name.Korean)
	}
	sam, err := domain.Named("Sam.i_am-2")
	require.NoError(t, err)
	require.Equal(t, "Sam.i_am-2", sam.Name.Text)
	for _, bad := range []string{"", "mi na", "-mina", "mina:", "미나", "a/b", strings.Repeat("x", 33), "mina\n"} {
		_, err := domain.Named(bad)
		require.ErrorIs(t, err, domain.ErrInvalid, "%q", bad)
	}
}
