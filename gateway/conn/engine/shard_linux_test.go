package engine

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bellhop/bellhop/gateway/conn"
	"github.com/bellhop/bellhop/gateway/conn/conntest"
)

// bench is a shard whose loop does not run: a test calls it step by step, with
// a clock of its own.
type bench struct {
	t *testing.T
	*shard
	time time.Time
	buf  [16 << 10]byte
}

func newBench(t *testing.T) *bench {
	t.Helper()
	m, err := newMetrics(nil)
	require.NoError(t, err)
	e := &Engine{cfg: Config{Logger: slog.New(slog.DiscardHandler)}.withDefaults(), metrics: m}
	b := &bench{t: t, time: time.Now()}
	b.shard, err = newShard(e, func() time.Time { return b.time })
	require.NoError(t, err)
	t.Cleanup(func() {
		b.cutOff()
		require.NoError(t, b.poller.file.Close())
		require.Zero(t, b.slab.used)
		require.Empty(t, b.blocked)
	})
	return b
}

// peer is the other end of a connection, with the slot that has this one.
type peer struct {
	b   *bench
	fd  int
	i   uint32
	src *conntest.Source
}

// socketPair returns two ends of a connection; the first is the shard's to close.
func socketPair(t *testing.T) (fds [2]int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	t.Cleanup(func() { _ = unix.Close(fds[1]) }) // the test is over
	return fds
}

// connect begins a stream on one end of a socket pair.
func (b *bench) connect(opt conn.Options) *peer {
	b.t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	require.NoError(b.t, err)
	require.NoError(b.t, unix.SetsockoptInt(fds[0], unix.SOL_SOCKET, unix.SO_SNDBUF, 4096))
	src := conntest.NewSource(b.t)
	p := &peer{b: b, fd: fds[1], src: src, i: b.nextSlot()}
	b.t.Cleanup(func() { _ = unix.Close(p.fd) })
	b.begin(&arrival{fd: fds[0], src: src, opt: opt})
	return p
}

// nextSlot is the one that the next arrival gets.
func (b *bench) nextSlot() uint32 {
	if n := len(b.slab.spare); n > 0 {
		return b.slab.spare[n-1]
	}
	return uint32(b.slab.size())
}

// pass lets time go by.
func (b *bench) pass(d time.Duration) {
	b.time = b.time.Add(d)
	b.look()
}

// work does what is in the inbox.
func (b *bench) work() {
	m, _, _ := b.inbox.take(mail{})
	b.round(&m)
}

// read returns what has come, and whether the end has.
func (p *peer) read() (got string, end bool) {
	for {
		n, err := unix.Read(p.fd, p.b.buf[:])
		switch {
		case err == unix.EAGAIN:
			return got, false
		case err == unix.ECONNRESET, n == 0:
			return got, true
		}
		require.NoError(p.b.t, err)
		got += string(p.b.buf[:n])
	}
}

// readToTheEnd reads, and has the shard hear of the room that makes, until the
// response ends.
func (p *peer) readToTheEnd() string {
	var got strings.Builder
	for {
		more, end := p.read()
		got.WriteString(more)
		if end {
			return got.String()
		}
		ev := event(unix.EPOLLOUT, p.i, p.slot().gen())
		p.b.happened(&ev)
		p.b.work()
	}
}

func (p *peer) slot() *slot { return p.b.slab.slot(p.i) }

func minute() conn.Options {
	return conn.Options{Heartbeat: time.Minute, SlowTimeout: time.Minute}
}

// What epoll has to say of a connection that is gone must not reach the one that
// got its slot, nor must its wake.
func TestStaleNewsReachNobody(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	first := b.connect(minute())
	stale := event(unix.EPOLLHUP, first.i, first.slot().gen())
	b.happened(&stale)
	require.Equal(t, conn.ReasonClient, first.src.AwaitClose())

	second := b.connect(minute())
	require.Equal(t, first.i, second.i, "the slot is used again")
	b.happened(&stale)
	require.Equal(t, open, second.slot().state)
	first.src.Wake()
	m, _, _ := b.inbox.take(mail{})
	require.Empty(t, m.woken)
}

// A slot that was in the queue when its stream ended is another stream's by the
// time it is looked at: that one is asked in vain, and nothing else happens.
func TestQueuedSlotChangesHands(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	first := b.connect(minute())
	first.src.Say("lost")
	b.drop(first.i, first.slot(), conn.ReasonClient)
	b.work() // and nobody's by now
	first.src.AwaitClose()

	first = b.connect(minute())
	first.src.Say("lost")
	b.drop(first.i, first.slot(), conn.ReasonClient)
	second := b.connect(minute())
	require.Equal(t, first.i, second.i)
	b.work()
	got, end := second.read()
	require.Empty(t, got)
	require.False(t, end)
}

func TestWakesAreCoalesced(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p := b.connect(minute())
	for range 100 {
		p.src.Say("x")
	}
	require.Len(t, b.inbox.mail.woken, 1)
	b.work()
	for range 2 {
		b.count()
		require.Equal(t, 1, int(testutil.ToFloat64(b.engine.metrics.writes)))
	}
	got, _ := p.read()
	require.Equal(t, "64\r\n"+strings.Repeat("x", 100)+"\r\n", got, "and what waits is one write")
	for _, buf := range b.bufs[:cap(b.bufs)] {
		require.Nil(t, buf, "the frames of other streams' channels are not kept")
	}
	require.Empty(t, b.inbox.mail.woken)
	p.src.Wake()
	require.Len(t, b.inbox.mail.woken, 1, "until it was looked at")
}

// Those who are there do not wait for those who come, of whom there may be many.
func TestOpenStreamsComeBeforeArrivals(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	live := b.connect(minute())
	fds := socketPair(t)
	var before string
	opt := minute()
	opt.Begun = func() { before, _ = live.read() }
	require.True(t, b.inbox.arrive(arrival{fd: fds[0], src: conntest.NewSource(t), opt: opt}))
	live.src.Say("news")
	b.work()
	require.Contains(t, before, "news")
}

// A broadcast is a wake and a turn for each of thousands of streams.
func TestTurnAllocatesNothing(t *testing.T) {
	b := newBench(t)
	fds := socketPair(t)
	src := &follower{topic: &topic{block: []byte("event: a\ndata: b\n\n")}}
	src.topic.started.Add(1)
	b.begin(&arrival{fd: fds[0], src: src, opt: minute()})
	taken := make([]byte, 4096)
	said := 0
	var m mail
	require.Zero(t, testing.AllocsPerRun(100, func() {
		src.topic.said.Add(1)
		src.loop.Wake(src.id)
		m.reset()
		m, _, _ = b.inbox.take(m)
		b.round(&m)
		n, err := unix.Read(fds[1], taken)
		if err != nil {
			t.Fatal(err)
		}
		said += n
	}))
	require.Equal(t, 101*len("12\r\nevent: a\ndata: b\n\n\r\n"), said, "the bench runs once more, to warm up")
}

// A client that takes nothing holds one piece of what its source has, whatever
// is said meanwhile, and gets all of it in order when it reads on.
func TestLaggingClientHoldsOnePiece(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p := b.connect(minute())
	block := strings.Repeat("x", 4000)
	for range 20 {
		p.src.Say(block)
		b.work()
	}
	require.Equal(t, blocked, p.slot().state)
	require.LessOrEqual(t, b.blocked[p.i].size, piece)
	backlog := testutil.ToFloat64(b.engine.metrics.backlog)
	require.Positive(t, backlog)
	require.LessOrEqual(t, backlog, float64(piece))
	asked := p.src.Asked()
	for range 20 {
		p.src.Say(block)
		b.work()
	}
	require.Equal(t, asked, p.src.Asked(), "a source is not asked while its socket is full")

	p.src.Finish()
	chunks := p.readToTheEnd()
	require.Equal(t, 40*len(block), strings.Count(chunks, "x"))
	require.Zero(t, testutil.ToFloat64(b.engine.metrics.backlog))
	require.True(t, strings.HasSuffix(chunks, "\r\n0\r\n\r\n"))
	require.Equal(t, conn.ReasonEnd, p.src.AwaitClose())
}

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

// A stream that always has more to say lets the others speak.
func TestTurnsAreFair(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	loud := b.connect(minute())
	require.NoError(t, unix.SetsockoptInt(int(loud.slot().fd), unix.SOL_SOCKET, unix.SO_SNDBUF, 4<<20))
	for range 64 {
		loud.src.Say(strings.Repeat("x", 4<<10))
	}
	b.work()
	require.Equal(t, []uint32{loud.i}, b.again)
	before := loud.src.Asked()
	require.LessOrEqual(t, before, 1+turnBytes/piece)
	quiet := b.connect(minute())
	quiet.src.Say("me too")
	b.work()
	got, _ := quiet.read()
	require.Contains(t, got, "me too")
	require.Greater(t, loud.src.Asked(), before)
}

// One that is woken all the while has no more turns than if it were not, and no
// more places in the queue.
func TestTurnsOfABusyStreamDoNotMultiply(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p := b.connect(minute())
	require.NoError(t, unix.SetsockoptInt(int(p.slot().fd), unix.SOL_SOCKET, unix.SO_SNDBUF, 4<<20))
	block := strings.Repeat("x", piece)
	for range 200 {
		p.src.Say(block)
	}
	for range 10 {
		b.work()
		before := p.src.Asked()
		p.src.Wake()
		b.turn(p.i) // as when its socket had been full
		p.src.Wake()
		b.work()
		require.Equal(t, []uint32{p.i}, b.again)
		require.Equal(t, 2*turnBytes/piece, p.src.Asked()-before)
		p.read()
	}
}

// Arrivals are refused once the shard is being stopped.
func TestClosedInbox(t *testing.T) {
	t.Parallel()
	in := newInbox()
	require.True(t, in.arrive(arrival{fd: 1}))
	in.close(false)
	require.False(t, in.open())
	require.False(t, in.arrive(arrival{fd: 2}))
	m, closed, cut := in.take(mail{})
	require.Len(t, m.arrivals, 1, "those before are looked after")
	require.True(t, closed)
	require.False(t, cut)
}

func TestMailKeepsNoSources(t *testing.T) {
	t.Parallel()
	m := mail{arrivals: []arrival{{src: conntest.NewSource(t)}}}
	kept := m.arrivals
	m.reset()
	require.Nil(t, kept[0].src)
	m.arrivals = make([]arrival, 0, 2*keepArrivals)
	m.reset()
	require.Zero(t, cap(m.arrivals))
}
