package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// fillInbox writes a channel with n events behind the log's back, of which every
// tenth above the watermark was read by itself.
func fillInbox(tb testing.TB, raw *sql.DB, c event.Channel, n, readUpTo int) {
	tb.Helper()
	h := hashOf(c)
	exec := func(query string, args ...any) {
		_, err := raw.ExecContext(context.Background(), query, args...)
		require.NoError(tb, err)
	}
	exceptions := 0
	for from := 1; from <= n; from += 1000 {
		var events, excepted []string
		for seq := from; seq < min(from+1000, n+1); seq++ {
			events = append(events, fmt.Sprintf("(X'%x', %d, 'comment', 0, 1, 0, '', '{\"post\":7,\"by\":\"mina\",\"text\":\"%060d\"}')", h, seq, seq))
			if seq > readUpTo && seq%10 == 0 {
				excepted = append(excepted, fmt.Sprintf("(X'%x', %d)", h, seq))
			}
		}
		exec("INSERT INTO events (channel, seq, type, flags, created_at, expires_at, collapse_key, data) VALUES " + strings.Join(events, ","))
		if exceptions += len(excepted); len(excepted) > 0 {
			exec("INSERT INTO read_exceptions (channel, seq) VALUES " + strings.Join(excepted, ","))
		}
	}
	exec("INSERT INTO channels (hash, name, head, floor, version, unread, read_up_to) VALUES (?, ?, ?, 0, ?, ?, ?)",
		h[:], c, n, n, n-readUpTo-exceptions, readUpTo)
}

// sized names the inbox that has n events.
func sized(n int) event.Channel { return event.Channel(fmt.Sprintf("user:size-%d", n)) }

// TestInboxPlans: lists, counts and mark-all-read are by primary keys, nothing is
// sorted, and what they look at does not grow with the inbox.
func TestInboxPlans(t *testing.T) {
	t.Parallel()
	for _, engine := range testenv.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			d, raw := openEngine(t, engine, 1)
			sizes := []int{100, 1000, 10_000}
			for _, n := range sizes {
				fillInbox(t, raw, sized(n), n, n/2)
			}
			_, err := raw.ExecContext(t.Context(), "ANALYZE TABLE events, read_exceptions, channels")
			require.NoError(t, err)
			for _, n := range sizes {
				for _, ask := range []InboxQuery{
					{Limit: 50}, {Limit: 50, Unread: true}, {Limit: 50, Types: []string{"comment", "reply"}}, {Limit: 50, Archived: true}, {Limit: MaxInboxPage}, {Limit: 1, Unread: true},
				} {
					for _, before := range []uint64{0, uint64(n / 3)} {
						q := inboxQuery{InboxQuery: ask}
						q.Channel = sized(n)
						q.window(before, uint64(n))
						query, args := d.inboxSQL(&q)
						requirePlan(t, d.primary.DB.DB, query, args...)
					}
				}
			}

			var first map[string]int
			d.primary.drop() // a new connection lives for a minute
			id := connectionID(t, d)
			for _, n := range sizes {
				looked := map[string]int{
					"first page": d.rowsLookedAt(t, func(ctx context.Context) error { _, err := d.Inbox(ctx, sized(n), 0, 50, false); return err }),
					"a page":     d.rowsLookedAt(t, func(ctx context.Context) error { _, err := d.Inbox(ctx, sized(n), uint64(n-10), 50, false); return err }),
					"unread":     d.rowsLookedAt(t, func(ctx context.Context) error { _, err := d.Inbox(ctx, sized(n), 0, 40, true); return err }),
					"count": d.rowsLookedAt(t, func(ctx context.Context) error {
						_, err := d.Heads(ctx, []event.Channel{sized(n)}, false)
						return err
					}),
					"append": d.rowsLookedAt(t, func(ctx context.Context) error {
						e := Entry{Channels: []event.Channel{sized(n)}, Type: "a", Data: []byte("1"), CollapseKey: "k"}
						_, _, err := d.Append(ctx, []Entry{e, e})
						return err
					}),
				}
				exceptions := n / 20
				all := d.rowsLookedAt(t, func(ctx context.Context) error { _, err := d.MarkRead(ctx, sized(n), event.MaxSeq); return err })
				require.Less(t, all, exceptions+30, "all of %d: the events that were marked one by one, no others", n)
				looked["mark all read"] = d.rowsLookedAt(t, func(ctx context.Context) error {
					_, _, err := d.Append(ctx, []Entry{{Channels: []event.Channel{sized(n)}, Type: "a", Data: []byte("1")}})
					require.NoError(t, err)
					_, err = d.MarkRead(ctx, sized(n), event.MaxSeq)
					return err
				})
				if first == nil {
					first = looked
				}
				require.Equal(t, id, connectionID(t, d))
				t.Logf("%d events: rows looked at: %v", n, looked)
				for what, rows := range looked {
					require.LessOrEqual(t, rows, first[what]+12, "%s of %d events", what, n)
				}
			}
		})
	}
}

// TestCollapsePlan: what an event replaces is found by its key, however many keys
// there are.
func TestCollapsePlan(t *testing.T) {
	t.Parallel()
	for _, engine := range testenv.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			d, raw := openEngine(t, engine, 1)
			e := Entry{Type: "a", Data: []byte("1"), CollapseKey: "post-7"}
			for i := range collapsesPerStatement {
				e.Channels = append(e.Channels, event.Channel(fmt.Sprintf("user:%d", i)))
			}
			write := func(ctx context.Context) error { _, _, err := d.Append(ctx, []Entry{e}); return err }
			require.NoError(t, write(t.Context()))
			few := d.rowsLookedAt(t, write)
			for _, c := range e.Channels {
				h := hashOf(c)
				rows := make([]string, 200)
				for i := range rows {
					rows[i] = fmt.Sprintf("(X'%x', 'key-%d', 1)", h, i)
				}
				_, err := raw.ExecContext(t.Context(), "INSERT INTO collapses (channel, collapse_key, seq) VALUES "+strings.Join(rows, ","))
				require.NoError(t, err)
			}
			_, err := raw.ExecContext(t.Context(), "ANALYZE TABLE events, collapses")
			require.NoError(t, err)
			require.LessOrEqual(t, d.rowsLookedAt(t, write), 2*few)
		})
	}
}

// requirePlan checks that a query finds all rows by primary keys and sorts none.
func requirePlan(t *testing.T, raw *sql.DB, query string, args ...any) {
	t.Helper()
	tables := 0
	for _, plan := range explain(t, raw, query, args...) {
		require.NotContains(t, plan["Extra"], "filesort", "%v", plan)
		require.NotContains(t, plan["Extra"], "temporary", "%v", plan)
		if plan["table"] == "e" || plan["table"] == "x" || plan["table"] == "c" {
			tables++
			require.Equal(t, "PRIMARY", plan["key"], "%v", plan)
			require.Contains(t, []string{"const", "eq_ref", "ref", "range"}, plan["type"], "%v", plan)
		}
	}
	require.GreaterOrEqual(t, tables, 4)
}

// explain is how the server goes about a query: its rows, by the names of columns.
func explain(t *testing.T, raw *sql.DB, query string, args ...any) (plan []map[string]string) {
	t.Helper()
	rows, err := raw.QueryContext(t.Context(), "EXPLAIN FORMAT=TRADITIONAL "+query, args...)
	require.NoError(t, err)
	defer rows.Close()
	columns, err := rows.Columns()
	require.NoError(t, err)
	for rows.Next() {
		values, into := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range values {
			into[i] = &values[i]
		}
		require.NoError(t, rows.Scan(into...))
		row := make(map[string]string, len(columns))
		for i, name := range columns {
			row[name] = values[i].String
		}
		plan = append(plan, row)
	}
	require.NoError(t, rows.Err())
	return plan
}

// rowsLookedAt counts the rows that the server looks at for a call. The pool has
// one connection, and what it counts is of that connection alone.
func (d *DB) rowsLookedAt(t *testing.T, call func(context.Context) error) int {
	t.Helper()
	read := func() (n int) {
		var status []struct {
			Name  string `db:"Variable_name"`
			Value int    `db:"Value"`
		}
		require.NoError(t, d.primary.SelectContext(t.Context(), &status, "SHOW SESSION STATUS LIKE 'Handler_read%'"))
		for _, s := range status {
			n += s.Value
		}
		return n
	}
	first := read()
	second := read() // what it costs to ask
	require.NoError(t, call(t.Context()))
	return read() - second - (second - first)
}
