package engine

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bellhop/bellhop/gateway/conn"
)

// benchStreams is how many sockets a delivery is spread over.
const benchStreams = 500

// sink is the clients of a benchmark: they read what comes and count it.
type sink struct {
	poller *poller
	got    int
	want   atomic.Int64
	all    chan struct{} // one token when got reaches want
	done   chan struct{}
}

// pairs makes connections over the loopback and returns the server's ends. The
// other ends belong to the sink.
func pairs(tb testing.TB, n int) ([]int, *sink) {
	tb.Helper()
	p, err := newPoller()
	require.NoError(tb, err)
	s := &sink{poller: p, all: make(chan struct{}, 1), done: make(chan struct{})}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(tb, err)
	defer ln.Close()
	fds := make([]int, n)
	for i := range fds {
		c, err := net.Dial("tcp", ln.Addr().String())
		require.NoError(tb, err)
		fd, err := detach(c, 64<<10, time.Minute)
		require.NoError(tb, err)
		require.NoError(tb, c.Close())
		require.NoError(tb, unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 64<<10))
		ev := event(unix.EPOLLIN, uint32(fd), 0)
		require.NoError(tb, unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, fd, &ev))
		tb.Cleanup(func() { _ = unix.Close(fd) })
		server, err := ln.Accept()
		require.NoError(tb, err)
		fds[i], err = detach(server, 16<<10, time.Minute)
		require.NoError(tb, err)
		require.NoError(tb, server.Close())
	}
	go s.read()
	tb.Cleanup(func() {
		require.NoError(tb, p.file.Close())
		<-s.done
	})
	return fds, s
}

func (s *sink) read() {
	defer close(s.done)
	events := make([]unix.EpollEvent, 256)
	buf := make([]byte, 64<<10)
	n := 0
	wait := func(fd uintptr) bool {
		n, _ = unix.EpollWait(int(fd), events, 0)
		return n > 0
	}
	for s.poller.raw.Read(wait) == nil {
		before := s.got
		for _, ev := range events[:n] {
			if got, err := unix.Read(int(ev.Fd), buf); err == nil {
				s.got += got
			}
		}
		if s.got > before && int64(s.got) == s.want.Load() {
			s.all <- struct{}{}
		}
	}
}

// expect says how many bytes are going to be written; then all tells when they
// have come.
func (s *sink) expect(bytes int) { s.want.Add(int64(bytes)) }

// topic is what all streams of a benchmark follow: one block, said again and
// again.
type topic struct {
	block   []byte
	said    atomic.Int64
	started sync.WaitGroup
}

type follower struct {
	topic *topic
	seen  int64
	loop  conn.Waker
	id    uint64
}

func (f *follower) Start(loop conn.Waker, id uint64) {
	f.loop, f.id = loop, id
	f.topic.started.Done()
}

func (f *follower) Next(bufs [][]byte, _ int) ([][]byte, bool) {
	for said := f.topic.said.Load(); f.seen < said; f.seen++ {
		bufs = append(bufs, f.topic.block)
	}
	return bufs, false
}

func (*follower) Heartbeat() []byte { return nil }
func (*follower) End(conn.Reason)   {}
func (*follower) Close(conn.Reason) {}

// A broadcast to many streams, and the same bytes in a loop that does nothing
// but write: the floor. Both are read by the same clients, in this process, so
// the difference between the two is what the engine costs.
func BenchmarkBroadcast(b *testing.B) {
	block := []byte("event: price\ndata: " + strings.Repeat("x", 170) + "\n\n")
	for _, burst := range []int{1, 5} {
		w := wire{bufs: slices.Repeat([][]byte{block}, burst), size: burst * len(block)}
		chunk := make([]byte, 2*w.size)
		chunk = chunk[:w.fill(chunk)]
		b.Run(fmt.Sprintf("bursts of %d/raw", burst), func(b *testing.B) { benchmarkRaw(b, chunk) })
		b.Run(fmt.Sprintf("bursts of %d/engine", burst), func(b *testing.B) { benchmarkEngine(b, block, burst, len(chunk)) })
	}
}

func benchmarkRaw(b *testing.B, chunk []byte) {
	b.Helper()
	fds, sink := pairs(b, benchStreams)
	b.Cleanup(func() {
		for _, fd := range fds {
			_ = unix.Close(fd)
		}
	})
	b.ReportAllocs()
	before := used(b)
	for b.Loop() {
		sink.expect(len(fds) * len(chunk))
		for _, fd := range fds {
			if _, err := send(int32(fd), chunk); err != nil {
				b.Fatal(err)
			}
		}
		<-sink.all
	}
	perWrite(b, before)
}

func benchmarkEngine(b *testing.B, block []byte, burst, chunk int) {
	b.Helper()
	e := newEngine(b, Config{Shards: 1})
	fds, sink := pairs(b, benchStreams)
	topic := &topic{block: block}
	topic.started.Add(benchStreams)
	followers := make([]*follower, benchStreams)
	for i, fd := range fds {
		followers[i] = &follower{topic: topic}
		require.True(b, e.loops.shards[0].inbox.arrive(arrival{fd: fd, src: followers[i], opt: minute()}))
	}
	topic.started.Wait()
	b.ReportAllocs()
	before := used(b)
	for b.Loop() {
		sink.expect(benchStreams * chunk)
		topic.said.Add(int64(burst))
		for _, f := range followers {
			f.loop.Wake(f.id)
		}
		<-sink.all
	}
	perWrite(b, before)
}

// used is the processor time that this process has used.
func used(tb testing.TB) (u unix.Rusage) {
	tb.Helper()
	require.NoError(tb, unix.Getrusage(unix.RUSAGE_SELF, &u))
	return u
}

// perWrite reports processor time, which says more than the clock on a machine
// that does other things too.
func perWrite(b *testing.B, before unix.Rusage) {
	b.Helper()
	after := used(b)
	user := after.Utime.Nano() - before.Utime.Nano()
	system := after.Stime.Nano() - before.Stime.Nano()
	writes := float64(b.N * benchStreams)
	b.ReportMetric(float64(user)/writes, "user-ns/write")
	b.ReportMetric(float64(user+system)/writes, "cpu-ns/write")
}
