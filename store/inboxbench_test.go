package store

import (
	"database/sql"
	"fmt"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// BenchmarkInbox measures what a bell asks for, in a table of a million events, on
// a server that forces every commit to the disk: lists, counts and mark-all-read
// of inboxes of 100, 1,000 and 10,000 events (under a policy that keeps 20,000),
// half of them read, and every tenth of the others read by itself.
func BenchmarkInbox(b *testing.B) {
	for _, engine := range testenv.Engines() {
		b.Run(engine.Name, func(b *testing.B) {
			d, _, million := aMillion(b, engine)
			for _, n := range []int{100, 1000, 10_000} {
				b.Run(strconv.Itoa(n), func(b *testing.B) { benchmarkInbox(b, d, million[n]) })
			}
		})
	}
}

// aMillion is a log of a million events, and its inboxes by their sizes.
func aMillion(b *testing.B, engine testenv.Engine) (d *DB, raw *sql.DB, inboxes map[int][]event.Channel) {
	b.Helper()
	cluster := testenv.PrivateMySQL(b, engine, testenv.Durable())
	dsn := cluster.Primary.DSN(cluster.NewDatabase(b))
	d, err := OpenMySQL(b.Context(), MySQLConfig{Primary: dsn})
	require.NoError(b, err)
	require.NoError(b, d.Migrate(b.Context()))
	raw, err = sql.Open("mysql", dsn)
	require.NoError(b, err)
	b.Cleanup(func() {
		require.NoError(b, raw.Close())
		require.NoError(b, d.Close())
	})
	inboxes = map[int][]event.Channel{}
	for n, count := range map[int]int{100: 1000, 1000: 300, 10_000: 60} {
		for i := range count {
			c := event.Channel(fmt.Sprintf("user:%d-%d", n, i))
			fillInbox(b, raw, c, n, n/2)
			inboxes[n] = append(inboxes[n], c)
		}
	}
	return d, raw, inboxes
}

func benchmarkInbox(b *testing.B, d *DB, inboxes []event.Channel) {
	b.Helper()
	for name, do := range map[string]func(event.Channel) error{
		"list": func(c event.Channel) error {
			p, err := d.Inbox(b.Context(), c, 0, 50, false)
			require.Len(b, p.Items, 50)
			return err
		},
		"list unread": func(c event.Channel) error {
			_, err := d.Inbox(b.Context(), c, 0, 50, true)
			return err
		},
		"list of a type": func(c event.Channel) error {
			_, err := d.ListInbox(b.Context(), InboxQuery{Channel: c, Limit: 50, Types: []string{"comment"}})
			return err
		},
		"list of a type that there is not": func(c event.Channel) error {
			_, err := d.ListInbox(b.Context(), InboxQuery{Channel: c, Limit: 50, Types: []string{"reply"}})
			return err
		},
		"archive": func(c event.Channel) error {
			_, err := d.ListInbox(b.Context(), InboxQuery{Channel: c, Limit: 50, Archived: true})
			return err
		},
		"counts by type": func(c event.Channel) error {
			n, err := d.Counts(b.Context(), Range{Channel: c, Through: 10_000})
			require.NotEmpty(b, n.ByType)
			return err
		},
		"count": func(c event.Channel) error {
			_, err := d.Heads(b.Context(), []event.Channel{c}, false)
			return err
		},
	} {
		b.Run(name, func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				require.NoError(b, do(inboxes[i%len(inboxes)]))
			}
		})
	}
	b.Run("mark all read", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			c := inboxes[i%len(inboxes)]
			b.StopTimer()
			_, _, err := d.Append(b.Context(), []Entry{{Channels: []event.Channel{c}, Type: "a", Data: []byte("1")}})
			require.NoError(b, err)
			b.StartTimer()
			_, err = d.MarkRead(b.Context(), c, event.MaxSeq)
			require.NoError(b, err)
		}
	})
}
