package store

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// BenchmarkTidyInbox is BenchmarkInbox for what people and publishers tidy inboxes with,
// and what they see of it. Every tenth of the read events is archived.
func BenchmarkTidyInbox(b *testing.B) {
	for _, engine := range testenv.Engines() {
		b.Run(engine.Name, func(b *testing.B) {
			d, raw, million := aMillion(b, engine)
			_, err := raw.ExecContext(b.Context(), archiveSome)
			require.NoError(b, err)
			for _, n := range []int{100, 1000, 10_000} {
				b.Run(strconv.Itoa(n), func(b *testing.B) { benchmarkTidy(b, d, million[n]) })
			}
		})
	}
}

func benchmarkTidy(b *testing.B, d *DB, inboxes []event.Channel) {
	b.Helper()
	write := func(c event.Channel, kind, key string) uint64 {
		_, appended, err := d.Append(b.Context(), []Entry{{Channels: []event.Channel{c}, Type: kind, Data: []byte("1"), CollapseKey: key}})
		require.NoError(b, err)
		return appended[0].Seqs[0]
	}
	for _, one := range []struct {
		name    string
		prepare func(event.Channel)
		do      func(event.Channel) error
	}{
		{"archive list", nil, func(c event.Channel) error {
			_, err := d.ListInbox(b.Context(), InboxQuery{Channel: c, Limit: 50, Archived: true})
			return err
		}},
		{"archive", func(c event.Channel) {
			_, err := d.Unarchive(b.Context(), c, []uint64{2, 3})
			require.NoError(b, err)
		}, func(c event.Channel) error {
			state, err := d.Archive(b.Context(), c, []uint64{2, 3})
			require.NotNil(b, state.Note)
			return err
		}},
		{"withdraw", func(c event.Channel) { write(c, "comment", "post-7") }, func(c event.Channel) error {
			n, _, err := d.Withdraw(b.Context(), c, "post-7")
			require.Equal(b, 1, n)
			return err
		}},
		{"withdraw nothing", nil, func(c event.Channel) error {
			_, _, err := d.Withdraw(b.Context(), c, "post-8")
			return err
		}},
		{"append", nil, func(c event.Channel) error {
			require.NotZero(b, write(c, "comment", ""))
			return nil
		}},
		{"append muted", func(c event.Channel) {
			_, err := d.Mute(b.Context(), c, ",like,")
			require.NoError(b, err)
		}, func(c event.Channel) error {
			require.Zero(b, write(c, "like", ""))
			return nil
		}},
	} {
		b.Run(one.name, func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				c := inboxes[i%len(inboxes)]
				if one.prepare != nil {
					b.StopTimer()
					one.prepare(c)
					b.StartTimer()
				}
				require.NoError(b, one.do(c))
			}
		})
	}
}
