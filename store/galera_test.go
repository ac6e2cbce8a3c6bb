package store_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
	"github.com/bellhop/bellhop/store"
)

// A node of a Galera cluster is refused, whatever is asked of it, unless all programs
// are said to write to that one.
func TestGaleraNodeIsRefused(t *testing.T) {
	t.Parallel()
	node, name := testenv.GaleraNode(t)
	unsaid := open(t, store.MySQLConfig{Primary: node.DSN(name), Replicas: []string{node.DSN(name)}})
	said := open(t, store.MySQLConfig{Primary: node.DSN(name), OneWriterNode: true})

	require.ErrorIs(t, unsaid.Migrate(t.Context()), store.ErrGalera)
	require.NoError(t, said.Migrate(t.Context()))
	require.EqualValues(t, 1, post(t, said, channel, "1"))
	require.EqualValues(t, 1, heads(t, said, channel).Heads[0].Seq)
	requireRefused(t, unsaid)
}

func requireRefused(t *testing.T, db *store.DB) {
	t.Helper()
	for what, ask := range map[string]func(context.Context) error{
		"ready":    db.Ready,
		"readable": db.Readable,
		"schema":   db.CheckSchema,
		"identity": func(ctx context.Context) error { _, err := db.CheckIdentity(ctx); return err },
		"heads": func(ctx context.Context) error {
			_, err := db.Heads(ctx, []event.Channel{channel}, false)
			return err
		},
		"append": func(ctx context.Context) error {
			_, _, err := db.Append(ctx, []store.Entry{{Channels: []event.Channel{channel}, Type: "note", Data: []byte("x")}})
			require.ErrorIs(t, err, store.ErrNotWritten)
			return err
		},
		"delete": func(ctx context.Context) error { _, err := db.Delete(ctx, channel, 1); return err },
	} {
		err := ask(t.Context())
		require.ErrorIs(t, err, store.ErrGalera, what)
		require.ErrorIs(t, err, store.ErrUnavailable, what)
	}
}

// A server that joins a cluster, or is replaced by one that is in it, is refused from
// the first new connection on, by those that were opened before too; and taken again
// when it is none any more.
func TestServerThatComesToBeAGaleraNodeIsRefused(t *testing.T) {
	t.Parallel()
	node, name := testenv.GaleraNode(t)
	node.Exec(t, "SET GLOBAL wsrep_on = OFF")
	db := open(t, store.MySQLConfig{Primary: node.DSN(name)})
	require.NoError(t, db.Migrate(t.Context()))
	require.EqualValues(t, 1, post(t, db, channel, "1"))

	node.Exec(t, "SET GLOBAL wsrep_on = ON")
	_, err := db.Heads(t.Context(), []event.Channel{channel}, true)
	require.ErrorIs(t, err, store.ErrGalera)
	requireRefused(t, db)

	node.Exec(t, "SET GLOBAL wsrep_on = OFF")
	require.EqualValues(t, 1, heads(t, db, channel).Heads[0].Seq)
	require.EqualValues(t, 2, post(t, db, channel, "2"))
}
