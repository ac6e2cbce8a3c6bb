// Package storetest is the suite that every implementation of the log passes.
package storetest

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

// Harness is an empty log, migrated, and what a test needs to go behind its back.
type Harness struct {
	DB *store.DB
	// SQL reaches the same tables: a test that wants rows to be old ages them,
	// and one that wants them damaged damages them.
	SQL *sql.DB
}

// Factory makes a log that ends with the test.
type Factory func(t *testing.T) Harness

// Run runs the suite.
func Run(t *testing.T, open Factory) {
	for _, group := range []map[string]func(*testing.T, Harness){
		appendTests, concurrencyTests, keyTests, readTests, tailTests, deleteTests, trimTests, ageTests, epochTests, revokeTests,
		inboxTests, collapseTests, modelTests, tidyTests, muteTests, escalateTests, auditTests,
	} {
		for name, test := range group {
			t.Run(name, func(t *testing.T) { test(t, open(t)) })
		}
	}
	for name, test := range bothTests {
		t.Run(name, func(t *testing.T) { test(t, open(t).anyLog()) })
	}
}

// patience bounds every wait of the suite.
const (
	patience = 20 * time.Second
	tick     = 5 * time.Millisecond
)

// inbox is somebody's, for whoever does not care whose.
const inbox event.Channel = "user:suite"

// channels names n channels of one test.
func channels(prefix string, n int) []event.Channel {
	cs := make([]event.Channel, n)
	for i := range cs {
		cs[i] = event.Channel(fmt.Sprintf("user:%s-%d", prefix, i))
	}
	return cs
}

func entry(data string, cs ...event.Channel) store.Entry {
	return store.Entry{Channels: cs, Type: "comment", Data: []byte(data)}
}

func keyed(e store.Entry, service, value, body string) store.Entry {
	e.Key = &store.Key{Service: service, Value: value}
	copy(e.Key.Body[:], body)
	return e
}

// write appends entries that must succeed.
func (h Harness) write(t *testing.T, entries ...store.Entry) (event.Epoch, []store.Appended) {
	t.Helper()
	epoch, results, err := h.DB.Append(t.Context(), entries)
	require.NoError(t, err)
	require.Len(t, results, len(entries))
	for _, r := range results {
		require.NoError(t, r.Err)
	}
	return epoch, results
}

// fill appends n events to a channel, with the data 1, 2, 3 and so on.
func (h Harness) fill(t *testing.T, c event.Channel, n int) event.Epoch {
	t.Helper()
	return h.anyLog().fill(t, c, n)
}

func (h Harness) head(t *testing.T, c event.Channel) store.Head {
	t.Helper()
	heads, err := h.DB.Heads(t.Context(), []event.Channel{c}, false)
	require.NoError(t, err)
	require.False(t, heads.Stale)
	return heads.Heads[0]
}

func (h Harness) epoch(t *testing.T) event.Epoch {
	t.Helper()
	heads, err := h.DB.Heads(t.Context(), nil, false)
	require.NoError(t, err)
	return heads.Epoch
}

func (h Harness) page(t *testing.T, r store.Range) store.Page {
	t.Helper()
	return h.anyLog().page(t, r)
}

// all reads a channel from its beginning to its end.
func (h Harness) all(t *testing.T, c event.Channel) []event.Event {
	t.Helper()
	head := h.head(t, c)
	return h.anyLog().read(t, store.Range{Channel: c, Epoch: h.epoch(t), Through: head.Seq, Version: head.Version})
}

func (h Harness) delete(t *testing.T, c event.Channel, seq uint64) store.InboxState {
	t.Helper()
	state, err := h.DB.Delete(t.Context(), c, seq)
	require.NoError(t, err)
	return state
}

// exec runs a statement behind the log's back.
func (h Harness) exec(t *testing.T, statement string, args ...any) {
	t.Helper()
	_, err := h.SQL.ExecContext(t.Context(), statement, args...)
	require.NoError(t, err, statement)
}

func (h Harness) count(t *testing.T, table string) int {
	t.Helper()
	var n int
	require.NoError(t, h.SQL.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM "+table).Scan(&n))
	return n
}

// stepwise calls do until there is no more to do, and returns how often it did.
func stepwise(t *testing.T, do func(context.Context) (more bool, err error)) (calls int) {
	t.Helper()
	for more := true; more; calls++ {
		var err error
		more, err = do(t.Context())
		require.NoError(t, err)
	}
	return calls
}

func seqs(events []event.Event) []uint64 {
	s := make([]uint64, len(events))
	for i := range events {
		s[i] = events[i].Seq
	}
	return s
}

func datas(events []event.Event) string {
	var b strings.Builder
	for i, e := range events {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.Write(e.Data)
	}
	return b.String()
}

// series is from, from+1 … to.
func series(from, to uint64) []uint64 {
	s := make([]uint64, 0, to-from+1)
	for ; from <= to; from++ {
		s = append(s, from)
	}
	return s
}

// eventually polls until ok.
func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	require.Eventually(t, ok, patience, tick)
}

func cancelled() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}
