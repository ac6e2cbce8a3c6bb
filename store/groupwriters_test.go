package store_test

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
	"github.com/bellhop/bellhop/store"
)

var writersFor = flag.Duration("writers", 3*time.Second, "how long two nodes of a group are written to at once")

// Two programs write to two members of a group, to one channel: what either was promised is
// there, once, and nothing else. A member aborts what another one was faster with, also in
// the middle of a packet.
func TestTwoWriterNodesLoseNothing(t *testing.T) {
	t.Parallel()
	for _, kind := range testenv.GroupKinds() {
		t.Run(kind.Name, func(t *testing.T) {
			t.Parallel()
			testTwoWriters(t, kind)
		})
	}
}

func testTwoWriters(t *testing.T, kind testenv.GroupKind) { //nolint:thelper // it is a test
	g, database := testenv.NewGroup(t, kind, 2)
	identity := store.IdentityAuto
	if kind.Name != testenv.GroupKinds()[0].Name {
		// Nobody takes several primaries of Group Replication for one log by himself.
		identity = store.IdentityCluster + "group"
		var said string
		require.NoError(t, g.Members[0].Admin().QueryRowContext(t.Context(), "SELECT group_replication_switch_to_multi_primary_mode()").Scan(&said))
	}
	logs := make([]*store.DB, len(g.Members))
	for i, s := range g.Members {
		logs[i] = open(t, store.MySQLConfig{Primary: s.DSN(database), Identity: identity})
	}
	require.NoError(t, logs[0].Migrate(t.Context()))
	eventually(t, func() bool { return logs[1].Ready(t.Context()) == nil })
	const hot event.Channel = "topic:hot"

	ctx, cancel := context.WithTimeout(t.Context(), *writersFor)
	defer cancel()
	var mu sync.Mutex
	acked, twice, unknown, failed := map[uint64]string{}, 0, map[string]bool{}, 0
	var writers sync.WaitGroup
	for node, log := range logs {
		for w := range 3 {
			writers.Go(func() {
				for n := 0; ctx.Err() == nil; n++ {
					id := fmt.Sprintf("%d-%d-%d", node, w, n)
					_, results, err := log.Append(context.WithoutCancel(ctx), []store.Entry{
						{Channels: []event.Channel{hot}, Type: "a", Data: []byte(id + "a")},
						{Channels: []event.Channel{hot}, Type: "b", Data: []byte(id + "b")},
					})
					mu.Lock()
					for i, r := range results {
						if _, known := acked[r.Seqs[0]]; known {
							twice++
						}
						acked[r.Seqs[0]] = id + string('a'+rune(i))
					}
					if err != nil {
						failed++
						unknown[id+"a"], unknown[id+"b"] = true, true
					}
					mu.Unlock()
				}
			})
		}
	}
	writers.Wait()
	require.Zero(t, twice, "a seq was promised twice")
	require.NotEmpty(t, acked)

	for i, log := range logs {
		stored := map[uint64]string{}
		last := slices.Max(slices.Collect(maps.Keys(acked)))
		eventually(t, func() bool { return heads(t, log, hot).Heads[0].Seq >= last })
		head := heads(t, log, hot).Heads[0].Seq
		for after := uint64(0); after < head; {
			pages, err := log.Ranges(t.Context(), []store.Range{{Channel: hot, After: after, Limit: 1000}})
			require.NoError(t, err)
			for _, e := range pages[0].Events {
				stored[e.Seq] = string(e.Data)
			}
			after = pages[0].Last
		}
		top := slices.Max(slices.Collect(maps.Keys(stored))) // a write in doubt may have come since
		rows := len(stored)
		require.EqualValues(t, top, rows, "node %d has all seqs up to its head", i)
		for seq, id := range acked {
			require.Equal(t, id, stored[seq], "seq %d on node %d", seq, i)
		}
		maps.DeleteFunc(stored, func(seq uint64, id string) bool { return acked[seq] == id || unknown[id] })
		require.Empty(t, stored, "nobody wrote that")
	}
	t.Logf("%d acknowledged, %d calls failed", len(acked), failed)

	if identity == store.IdentityAuto { // one log: each member shows at once what another acknowledged
		for range 100 {
			seq := post(t, logs[0], hot, "x")
			require.GreaterOrEqual(t, heads(t, logs[1], hot).Heads[0].Seq, seq)
		}
	}
}
