package engine

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bellhop/bellhop/gateway/conn"
	"github.com/bellhop/bellhop/gateway/conn/conntest"
)

// The rest of a chunk is not interrupted, however long it waits.
func TestNoHeartbeatWithinAChunk(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p := b.connect(conn.Options{Heartbeat: time.Second, SlowTimeout: time.Hour})
	p.src.Say(strings.Repeat("x", 1<<20))
	p.src.Finish()
	b.work()
	for range 5 {
		require.Equal(t, blocked, p.slot().state)
		b.pass(10 * time.Second)
		b.visit(p.i)
	}
	require.Zero(t, p.src.Beats())
}

func TestTokenEndsAStreamThatLags(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	opt := minute()
	opt.Expiry = time.Now().Add(10 * time.Second)
	p := b.connect(opt)
	p.src.Say(strings.Repeat("x", 1<<20))
	b.work()
	require.Equal(t, blocked, p.slot().state)
	b.pass(11 * time.Second)
	b.visit(p.i)
	require.Equal(t, conn.ReasonExpired, p.src.AwaitClose())
	require.Zero(t, testutil.ToFloat64(b.engine.metrics.backlog))
}

// One that is past its age and waited for, because it takes a little again and
// again, does not outlive its token either.
func TestTokenEndsAStreamThatLagsPastItsAge(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	opt := minute()
	opt.Age, opt.Expiry = b.time.Add(time.Second), b.time.Add(10*time.Second)
	p := b.connect(opt)
	p.src.Say(strings.Repeat("x", 1<<20))
	b.work()
	b.pass(9 * time.Second)
	b.visit(p.i)
	require.Equal(t, blocked, p.slot().state)
	b.pass(time.Second)
	b.visit(p.i)
	require.Equal(t, conn.ReasonExpired, p.src.AwaitClose())
}

// A wall clock that jumps ahead ends the streams whose tokens it says are over,
// and not, by their age, all streams at once.
func TestJumpOfTheWallClock(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	token, age := minute(), minute()
	token.Expiry, age.Age = b.time.Add(10*time.Minute), b.time.Add(10*time.Minute)
	expiring, aging := b.connect(token), b.connect(age)
	b.wall += int64(time.Hour)
	b.visit(expiring.i)
	b.visit(aging.i)
	require.Equal(t, conn.ReasonExpired, expiring.src.AwaitClose())
	require.Equal(t, open, aging.slot().state)
	require.Empty(t, aging.src.Ends())
	b.now += int64(10 * time.Minute)
	b.visit(aging.i)
	require.Equal(t, conn.ReasonAge, aging.src.AwaitClose())
}

// Tokens may name moments that nanoseconds can't.
func TestTokenForEver(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	opt := minute()
	opt.Expiry = time.Unix(1<<40, 0)
	p := b.connect(opt)
	b.visit(p.i)
	require.Empty(t, p.src.Ends())
}

// Over a connection's whole life no two writes are further apart than the
// heartbeat, although nothing but the sweep looks at the clock.
func TestSweepIsNeverLate(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	const interval = 20 * time.Second
	opt := conn.Options{Heartbeat: interval, SlowTimeout: 30 * time.Second}
	peers := make([]*peer, 100)
	last := make([]int64, len(peers))
	for i := range peers {
		peers[i] = b.connect(opt)
		last[i] = b.now
		b.pass(7 * time.Millisecond)
	}
	beats := 0
	for end := b.now + int64(time.Minute); b.now < end; {
		b.pass(b.sweep.pause(b.now))
		b.sweepOn()
		for i, p := range peers {
			if got, _ := p.read(); got != "" {
				require.Equal(t, "3\r\n"+conntest.Heartbeat+"\r\n", got)
				require.GreaterOrEqual(t, time.Duration(b.now-last[i]), interval*9/10)
				last[i] = b.now
				beats++
			}
			require.LessOrEqual(t, time.Duration(b.now-last[i]), interval)
		}
	}
	require.GreaterOrEqual(t, beats, 3*len(peers))
}

// A shard that had to look often for one stream does not go on to when it is gone.
func TestSweepCalmsDown(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p := b.connect(conn.Options{Heartbeat: 100 * time.Millisecond, SlowTimeout: time.Minute})
	b.sweepOn()
	require.Equal(t, minPeriod, b.sweep.period)
	b.drop(p.i, p.slot(), conn.ReasonClient)
	b.pass(time.Second)
	b.sweepOn()
	b.connect(minute())
	require.Equal(t, maxPeriod, b.sweep.period)
}

// A peer that has everything and never closes its side is waited for a moment.
func TestLingering(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p := b.connect(minute())
	p.src.Say("bye")
	p.src.Finish()
	b.work()
	require.Equal(t, conn.ReasonEnd, p.src.AwaitClose())
	got, end := p.read()
	require.Equal(t, "3\r\nbye\r\n0\r\n\r\n", got)
	require.True(t, end, "its sending half is shut")
	require.Equal(t, lingering, p.slot().state)
	p.src.Wake() // does nothing any more
	b.work()
	b.visit(p.i) // sees that it was read
	b.pass(time.Duration(lingerTime) - 1)
	b.visit(p.i)
	require.Equal(t, lingering, p.slot().state)
	b.pass(1)
	b.visit(p.i)
	require.Equal(t, free, p.slot().state)

	p = b.connect(minute())
	p.src.Finish()
	b.work()
	p.src.AwaitClose()
	ev := event(unix.EPOLLRDHUP, p.i, p.slot().gen())
	b.happened(&ev)
	require.Equal(t, free, p.slot().state, "it closed its side")
}

// One that does not even take the last bytes is cut off in the end.
func TestLingeringOnAStalledPeer(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p := b.connect(minute())
	p.src.Say("bye")
	p.src.Finish()
	b.work()
	p.src.AwaitClose()
	b.pass(time.Minute - 1)
	b.visit(p.i)
	require.Equal(t, lingering, p.slot().state)
	b.pass(1)
	b.visit(p.i)
	require.Equal(t, free, p.slot().state)
}
