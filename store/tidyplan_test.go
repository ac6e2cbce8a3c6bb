package store

import (
	"context"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// archiveSome archives every tenth of the read half of inboxes that fillInbox made.
const archiveSome = "UPDATE events SET flags = 8 WHERE seq % 10 = 5 AND seq <= (SELECT c.read_up_to FROM channels c WHERE c.hash = events.channel)"

// TestTidyPlans: what is archived is listed by the primary key, at a price that does not
// grow with the inbox; a withdrawal reads each event of a window once, by the same key, and
// a muted event costs no more than another one.
func TestTidyPlans(t *testing.T) {
	t.Parallel()
	for _, engine := range testenv.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			d, raw := openEngine(t, engine, 1)
			sizes := []int{100, 1000, 10_000}
			for _, n := range sizes {
				fillInbox(t, raw, sized(n), n, n/2)
			}
			for _, statement := range []string{archiveSome, "ANALYZE TABLE events, read_exceptions, channels"} {
				_, err := raw.ExecContext(t.Context(), statement)
				require.NoError(t, err)
			}
			d.primary.drop() // a new connection lives for a minute
			id := connectionID(t, d)
			var first map[string]int
			for _, n := range sizes {
				c, h := sized(n), hashOf(sized(n))
				plan := explain(t, raw, withdrawSQL, h[:], 0, n, "k", flagDeleted)
				require.Len(t, plan, 1)
				require.Equal(t, "PRIMARY", plan[0]["key"], "%v", plan)
				require.Equal(t, "range", plan[0]["type"], "%v", plan)
				require.NotContains(t, plan[0]["Extra"], "filesort")

				// The call itself would ask on another connection.
				withdrawn := d.rowsLookedAt(t, func(ctx context.Context) error {
					var seqs []uint64
					return d.reader.SelectContext(ctx, &seqs, withdrawSQL, h[:], n-min(n, withdrawWindow), n, "k", flagDeleted)
				})
				require.InDelta(t, min(n, withdrawWindow), withdrawn, 5, "each event of the window once")
				write := func(kind string) func(context.Context) error {
					return func(ctx context.Context) error {
						_, _, err := d.Append(ctx, []Entry{{Channels: []event.Channel{c}, Type: kind, Data: []byte("1")}})
						return err
					}
				}
				_, err := d.Mute(t.Context(), c, ",like,")
				require.NoError(t, err)
				note := d.rowsLookedAt(t, write("note"))
				require.LessOrEqual(t, d.rowsLookedAt(t, write("like")), note, "no further query")
				looked := map[string]int{"an append": note}
				// As many in a window of each inbox: a page ends where it is full.
				for _, limit := range []int{3, 4} {
					looked["archive of "+strconv.Itoa(limit)] = d.rowsLookedAt(t, func(ctx context.Context) error {
						page, err := d.ListInbox(ctx, InboxQuery{Channel: c, Before: uint64(n/2 + 1), Limit: limit, Archived: true})
						require.Len(t, page.Items, limit)
						return err
					})
				}
				if first == nil {
					first = looked
				}
				require.Equal(t, id, connectionID(t, d))
				t.Logf("%d events: withdraw %d, else %v", n, withdrawn, looked)
				for what, rows := range looked {
					require.LessOrEqual(t, rows, first[what]+12, "%s, %d events", what, n)
				}
				all := d.rowsLookedAt(t, func(ctx context.Context) error {
					_, err := d.ListInbox(ctx, InboxQuery{Channel: c, Limit: 50, Archived: true})
					return err
				})
				require.LessOrEqual(t, all, 3*n+100, "each event once, however far back they are")
			}
		})
	}
}
