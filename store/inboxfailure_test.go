package store_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
	"github.com/bellhop/bellhop/store"
)

func inboxOf(t *testing.T, db *store.DB, c event.Channel) store.InboxPage {
	t.Helper()
	p, err := db.Inbox(t.Context(), c, 0, 10, false)
	require.NoError(t, err)
	return p
}

// A list is never behind what was acknowledged, and says so where it may be.
func TestInboxWithoutReplicaOrPrimary(t *testing.T) {
	t.Parallel()
	for _, engine := range testenv.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			cluster := testenv.PrivateMySQL(t, engine)
			primary, replica := testenv.Proxy(t, cluster.Primary.Addr), testenv.Proxy(t, cluster.Replica.Addr)
			name := cluster.NewDatabase(t)
			db := open(t, store.MySQLConfig{
				Primary: cluster.Primary.DSNVia(primary.Addr, name), Replicas: []string{cluster.Replica.DSNVia(replica.Addr, name)},
			})
			require.NoError(t, db.Migrate(t.Context()))
			post(t, db, channel, "1")
			post(t, db, channel, "2")
			cluster.WaitCaughtUp(t)

			// The replica stands still: another head or version there is lag.
			cluster.StopApplier(t)
			_, err := db.MarkRead(t.Context(), channel, 1)
			require.NoError(t, err)
			p := inboxOf(t, db, channel)
			require.False(t, p.Stale)
			require.EqualValues(t, 1, p.Unread)
			require.True(t, p.Items[1].Read)
			post(t, db, channel, "3")
			require.Len(t, inboxOf(t, db, channel).Items, 3)

			primary.Refuse()
			p = inboxOf(t, db, channel)
			require.True(t, p.Stale)
			require.Len(t, p.Items, 2)
			require.EqualValues(t, 2, p.Unread)
			for what, change := range map[string]func(context.Context) (store.InboxState, error){
				"read":      func(ctx context.Context) (store.InboxState, error) { return db.MarkRead(ctx, channel, 3) },
				"read seqs": func(ctx context.Context) (store.InboxState, error) { return db.MarkReadSeqs(ctx, channel, []uint64{3}) },
				"unread": func(ctx context.Context) (store.InboxState, error) {
					return db.MarkUnreadSeqs(ctx, channel, []uint64{1})
				},
				"delete": func(ctx context.Context) (store.InboxState, error) { return db.Delete(ctx, channel, 3) },
			} {
				_, err := change(t.Context())
				require.ErrorIs(t, err, store.ErrUnavailable, what)
				require.ErrorIs(t, err, store.ErrNotWritten, what)
			}
			replica.Refuse()
			_, err = db.Inbox(t.Context(), channel, 0, 10, false)
			require.ErrorIs(t, err, store.ErrUnavailable)

			primary.Resume()
			eventually(t, func() bool {
				p, err := db.Inbox(t.Context(), channel, 0, 10, false)
				return err == nil && !p.Stale && len(p.Items) == 3 && p.Unread == 2
			})
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			_, err = db.Inbox(ctx, channel, 0, 10, false)
			require.Error(t, err)
		})
	}
}

// A change whose COMMIT was not answered is looked up, not made twice; and making
// it twice would do no harm.
func TestAmbiguousChangeOfAnInbox(t *testing.T) {
	t.Parallel()
	cluster := testenv.MySQL(t, testenv.MariaDB())
	proxy := testenv.Proxy(t, cluster.Primary.Addr)
	name := cluster.NewDatabase(t)
	direct := open(t, store.MySQLConfig{Primary: cluster.Primary.DSN(name)})
	require.NoError(t, direct.Migrate(t.Context()))
	post(t, direct, channel, "1")
	post(t, direct, channel, "2")
	db := open(t, store.MySQLConfig{Primary: cluster.Primary.DSNVia(proxy.Addr, name), PoolSize: 2})

	var committing, cut bool // Intercept calls one at a time
	proxy.Intercept(func(d testenv.Direction, b []byte) testenv.Action {
		switch {
		case cut:
		case d == testenv.ToServer && bytes.HasSuffix(b, []byte("COMMIT")):
			committing = true
		case committing && d == testenv.ToClient:
			cut = true
			return testenv.Cut
		}
		return testenv.Pass
	})
	s, err := db.MarkReadSeqs(t.Context(), channel, []uint64{2})
	require.NoError(t, err)
	require.True(t, cut)
	require.EqualValues(t, 1, s.Unread)
	require.NotNil(t, s.Note)
	s, err = db.MarkReadSeqs(t.Context(), channel, []uint64{2})
	require.NoError(t, err)
	require.EqualValues(t, 1, s.Unread)
	require.Nil(t, s.Note)
	require.EqualValues(t, 1, inboxOf(t, direct, channel).Unread)
}

// An event that expires goes out of lists and replays at its moment, before
// anything was swept.
func TestAnEventExpiresAtItsMoment(t *testing.T) {
	t.Parallel()
	db := openCluster(t, testenv.MySQL(t, testenv.MariaDB()), store.MySQLConfig{}).DB
	expires := time.Now().Add(2 * time.Second)
	_, _, err := db.Append(t.Context(), []store.Entry{
		{Channels: []event.Channel{channel}, Type: "note", Data: []byte("1"), ExpiresAt: expires},
		{Channels: []event.Channel{channel}, Type: "note", Data: []byte("2")},
	})
	require.NoError(t, err)
	shown := func() (listed, replayed int) {
		return len(inboxOf(t, db, channel).Items), len(page(t, db, store.Range{Channel: channel}).Events)
	}
	if listed, _ := shown(); time.Now().Before(expires) {
		require.Equal(t, 2, listed)
	}
	eventually(t, func() bool {
		listed, replayed := shown()
		return listed == 1 && replayed == 1
	})
	require.False(t, time.Now().Before(expires.Add(-time.Second)), "give or take the server's clock")
	require.EqualValues(t, 2, inboxOf(t, db, channel).Unread, "the count follows with the sweep")
	_, err = db.Expire(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 1, inboxOf(t, db, channel).Unread)
}
