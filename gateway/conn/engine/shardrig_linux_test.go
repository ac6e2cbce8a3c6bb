package engine

import (
	"log/slog"
	"strings"
	"testing"
	"time"

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
