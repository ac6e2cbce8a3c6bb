package engine

import (
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bellhop/bellhop/gateway/conn"
	"github.com/bellhop/bellhop/gateway/conn/conntest"
)

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
