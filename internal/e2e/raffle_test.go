package e2e

import (
	"flag"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

var (
	raffleStreams = flag.Int("raffle.streams", 300, "streams that follow the raffle")
	raffleStalls  = flag.Duration("raffle.stalls", 2*time.Second, "how long a part of them reads nothing")
)

// TestRaffleReachesEverybody: a crowd follows a value that changes fifty times a
// second, over two gateways. Everybody has the newest within a period of the last
// change, nobody gets more than the rate allows, who stalls gets no backlog, and
// the bus carries each change once for each gateway, not for each client.
func TestRaffleReachesEverybody(t *testing.T) {
	redis := testenv.Redis(t)
	s := newStage(t, redis.URL())
	all := subscribe(t, *raffleStreams, s.addrs(), nil, raffle)

	heard := redis.Client().PSubscribe(t.Context(), "*"+string(raffle))
	defer heard.Close()
	_, err := heard.Receive(t.Context())
	require.NoError(t, err)

	began := time.Now()
	w := s.begin(nil)
	all.await(t, "following", func(s seen) bool { return s.values >= 15 })
	for _, f := range all {
		values := f.now().values
		require.LessOrEqual(t, values, w.most(time.Since(began)))
	}
	subscribers, err := redis.Client().PubSubNumSub(t.Context(), "bellhop:"+string(raffle)).Result()
	require.NoError(t, err)
	require.EqualValues(t, len(s.gateways), subscribers["bellhop:"+string(raffle)])
	require.Eventually(t, func() bool { return w.value.Load() >= winners }, patience, 10*time.Millisecond)
	w.finish(all)
	won := int(w.accepted.Load()) / winners * winners
	all.await(t, "told of the newest winner", func(s seen) bool { return s.winner == won })

	messages := 0
	for last := w.accepted.Load(); ; messages++ {
		m, err := heard.ReceiveMessage(t.Context())
		require.NoError(t, err)
		if number([]byte(m.Payload)) == int(last) {
			break
		}
	}
	require.EqualValues(t, w.value.Load(), messages+1, "every change is one message")
}

// TestStalledFansGetNoBacklog: a part of the crowd reads nothing for a while. It
// costs the gateways no memory, and when these subscribers read again they get what
// the kernel held for them and then the newest value, not all that was between.
func TestStalledFansGetNoBacklog(t *testing.T) {
	s := newStage(t, testenv.Redis(t).URL())
	s.pad = strings.Repeat("x", 8<<10) // the kernel takes two or three
	all := subscribe(t, min(*raffleStreams, 2000), s.addrs(), nil, raffle)
	w := s.begin(nil)
	all.await(t, "following", func(s seen) bool { return s.values >= 3 })

	const held = 10 // what the kernel may hold for a subscriber, amply
	stalled := all[:(len(all)+1)/2]
	gate := make(barrier)
	before, from := s.memory(), w.value.Load()
	for _, f := range stalled {
		f.gate.Store(&gate)
	}
	<-time.After(*raffleStalls)
	values := make([]int, len(stalled))
	for i, f := range stalled {
		values[i] = f.now().values
	}
	missed, grown := w.value.Load()-from, s.memory()-before
	began := time.Now()
	close(gate)
	all.await(t, "at a value of now", func(s seen) bool { return s.last > int(from+missed) })
	for i, f := range stalled {
		now := f.now()
		require.LessOrEqual(t, now.values-values[i], held+w.most(time.Since(began)))
		require.Zero(t, now.resets, "skipping is no loss")
	}
	w.finish(all)
	t.Logf("%d subscribers missed %d values; the gateways grew by %d KB", len(stalled), missed, grown>>10)
	require.Less(t, grown, 24<<20)
}
