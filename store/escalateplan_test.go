package store

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// TestEscalationPlan: what is looked at to tell of five events does not grow with what
// waits for its time, nor with the calls that are parked.
func TestEscalationPlan(t *testing.T) {
	t.Parallel()
	for _, engine := range testenv.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			d, raw := openEngine(t, engine, 1)
			m, err := d.readMeta(t.Context(), d.primary)
			require.NoError(t, err)
			fill := func(from, to int) {
				var events, calls []string
				for id := from; id <= to; id++ {
					events = append(events, fmt.Sprintf("(%d, X'%032x', 'main', 1, 1)", m.Now+3_600_000, id))
					calls = append(calls, fmt.Sprintf("(X'%032x', 'main', %d, 1, X'%032x', 1, '[[1,1]]', '')", id, parkedAt, id))
				}
				for _, statement := range []string{
					"INSERT INTO escalations (at, channel, target, seq, unless) VALUES " + strings.Join(events, ","),
					"INSERT INTO escalation_calls (id, target, at, made, channel, tries, events, error) VALUES " + strings.Join(calls, ","),
					"ANALYZE TABLE escalations, escalation_calls, events, channels",
				} {
					_, err := raw.ExecContext(t.Context(), statement)
					require.NoError(t, err)
				}
			}
			next := 0
			tell := func(ctx context.Context) error {
				next++
				var entries []Entry
				for i := range 5 {
					entries = append(entries, Entry{
						Channels: []event.Channel{event.Channel(fmt.Sprintf("user:%d", i))}, Type: "note", Data: []byte("1"),
						Escalate: []Escalation{{Target: "main", Unless: UnlessRead}},
					})
				}
				if _, _, err := d.Append(ctx, entries); err != nil {
					return err
				}
				due, err := d.Due(ctx)
				if err != nil {
					return err
				}
				require.Len(t, due, 5)
				if err := d.MakeCalls(ctx, due, []NewCall{{ID: CallID{0xff, byte(next)}, Events: due}}); err != nil {
					return err
				}
				calls, err := d.ClaimCalls(ctx, "main", 8, time.Minute)
				if err != nil {
					return err
				}
				require.Len(t, calls, 1)
				if err := d.PutOffCall(ctx, calls[0], time.Hour, false, "it said 500"); err != nil {
					return err
				}
				return d.EndCall(ctx, calls[0])
			}
			fill(1, 100)
			require.NoError(t, tell(t.Context()))
			few := d.rowsLookedAt(t, tell)
			fill(101, 4000)
			require.LessOrEqual(t, d.rowsLookedAt(t, tell), few+12)
		})
	}
}
