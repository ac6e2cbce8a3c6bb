package e2e

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/testkit/loadgen"
)

// subscriber is a client without a name that listens to the raffle, and maybe to the
// news. Like a browser it remembers its last id and comes back with it. Its
// events carry a number, {"n":17,...}, which grows from event to event.
type subscriber struct {
	addr     string // of its gateway
	channels []event.Channel
	times    *arrivals               // nil: nobody asks
	gate     atomic.Pointer[barrier] // it reads nothing before this is open

	mu sync.Mutex
	seen
}

type barrier chan struct{}

// seen is what a subscriber knows.
type seen struct {
	id      []byte
	readies []string // the data of each bellhop.ready
	resets  int      // of the raffle
	values  int      // of the raffle that came
	last    int      // the number of the newest of them
	seq     int      // and its seq, in this life of the raffle
	winner  int      // the number of the newest winner
	first   int      // the number of the first news
	news    int      // the number of the newest news
	wrong   string   // the first promise that was broken
}

func (f *subscriber) now() seen {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.seen
}

// listen connects and reads until ctx ends, again and again.
func (f *subscriber) listen(ctx context.Context) {
	for ctx.Err() == nil {
		f.connect(ctx)
		select {
		case <-time.After(50*time.Millisecond + rand.N(100*time.Millisecond)):
		case <-ctx.Done():
		}
	}
}

// dialSubscriber leaves the kernel little to hold back for a subscriber that does not read.
var dialSubscriber = net.Dialer{Timeout: 10 * time.Second, Control: func(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096) })
}}

func (f *subscriber) connect(ctx context.Context) {
	conn, err := dialSubscriber.DialContext(ctx, "tcp", f.addr)
	if err != nil {
		return
	}
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	defer conn.Close()
	var head strings.Builder
	fmt.Fprint(&head, "GET /v1/stream?inbox=false")
	for _, ch := range f.channels {
		fmt.Fprintf(&head, "&channel=%s", ch)
	}
	fmt.Fprint(&head, " HTTP/1.1\r\nHost: bench\r\n")
	if id := f.now().id; len(id) > 0 {
		fmt.Fprintf(&head, "Last-Event-ID: %s\r\n", id)
	}
	if _, err := fmt.Fprint(conn, head.String()+"\r\n"); err != nil {
		return
	}
	r := bufio.NewReaderSize(conn, 1024)
	var kind, data []byte // used again for every block: a crowd makes garbage fast
	for {
		if gate := f.gate.Load(); gate != nil {
			<-*gate
		}
		line, err := r.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			// Of a long line, which is one of data, the beginning tells all.
			data = append(data[:0], bytes.TrimPrefix(line, []byte("data: "))...)
			for line = nil; errors.Is(err, bufio.ErrBufferFull); {
				_, err = r.ReadSlice('\n')
			}
		}
		if err != nil {
			return
		}
		// The gateway writes whole blocks, so what a chunk's size is does not matter.
		name, value, _ := bytes.Cut(bytes.TrimRight(line, "\r\n"), []byte(": "))
		switch string(name) {
		case "event":
			kind = append(kind[:0], value...)
		case "data":
			data = append(data[:0], value...)
		case "id": // the last line of a block
			f.block(string(kind), data, value)
		}
	}
}

func (f *subscriber) block(kind string, data, id []byte) {
	received := time.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.id = append(f.id[:0], id...)
	ofRaffle := bytes.Contains(data, []byte(`"channel":"raffle:1"`))
	switch {
	case kind == "bellhop.ready":
		f.readies = append(f.readies, string(data))
	case kind == "bellhop.reset" && ofRaffle:
		f.resets++
		f.last, f.seq = 0, 0
	case kind == "bellhop.reset":
		f.fail("reset of the news: " + string(data))
	case ofRaffle:
		// Order is that of the seqs: what a publisher gave up on may be written later.
		n, seq := number(data), intAfter(data, `"seq":`)
		if seq <= f.seq {
			f.fail(fmt.Sprintf("seq %d after %d", seq, f.seq))
		}
		f.seq = seq
		if f.times != nil && f.last > 0 {
			f.times.arrived(f.last+1, received)
		}
		f.values++
		f.last = n
		if kind == "winner" {
			f.winner = n
		}
	default:
		n := number(data)
		switch {
		case f.first == 0:
			f.first = n
		case n != f.news+1:
			f.fail(fmt.Sprintf("news %d after %d", n, f.news))
		}
		f.news = n
	}
}

func (f *subscriber) fail(why string) {
	if f.wrong == "" {
		f.wrong = why
	}
}

// number reads n out of `"data":{"n":17`.
func number(data []byte) int { return intAfter(data, `"data":{"n":`) }

// intAfter reads what follows a text in data; -1 if that is not there.
func intAfter(data []byte, after string) (n int) {
	_, rest, found := bytes.Cut(data, []byte(after))
	if !found {
		return -1
	}
	for _, c := range rest {
		if c < '0' || c > '9' {
			break
		}
		n = 10*n + int(c-'0')
	}
	return n
}

// subscribers are a crowd.
type subscribers []*subscriber

// gather connects a crowd, spread over the gateways, and waits until all of them
// are live.
func subscribe(tb testing.TB, n int, addrs []string, times *arrivals, channels ...event.Channel) subscribers {
	tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var away sync.WaitGroup
	tb.Cleanup(func() { cancel(); away.Wait() })
	all := make(subscribers, n)
	for i := range all {
		all[i] = &subscriber{addr: addrs[i%len(addrs)], channels: channels, times: times}
		away.Go(func() { all[i].listen(ctx) })
		if i%500 == 499 { // the listening sockets' queues are short
			all[:i+1].await(tb, "live", func(s seen) bool { return len(s.readies) > 0 })
		}
	}
	all.await(tb, "live", func(s seen) bool { return len(s.readies) > 0 })
	return all
}

const patience = 40 * time.Second

// await waits until something holds for every subscriber.
func (all subscribers) await(tb testing.TB, what string, holds func(seen) bool) {
	tb.Helper()
	var short seen
	require.Eventually(tb, func() bool {
		for _, f := range all {
			if short = f.now(); !holds(short) {
				return false
			}
		}
		return true
	}, patience, 10*time.Millisecond, "not all subscribers are %s", what)
}

// check fails if a promise was broken.
func (all subscribers) check(tb testing.TB) {
	tb.Helper()
	var errs []error
	for i, f := range all {
		if s := f.now(); s.wrong != "" {
			errs = append(errs, fmt.Errorf("subscriber %d: %s", i, s.wrong))
		}
	}
	require.NoError(tb, errors.Join(errs...))
}

// arrivals knows when each number was published, and measures how long the subscribers
// that waited longest for a newer one had to wait.
type arrivals struct {
	sent   []atomic.Int64 // by number, in nanoseconds since 1970
	shards [64]struct {
		sync.Mutex
		loadgen.Histogram
	}
}

func newArrivals(most int) *arrivals { return &arrivals{sent: make([]atomic.Int64, most+1)} }

func (a *arrivals) arrived(n int, at time.Time) {
	if n >= len(a.sent) {
		return
	}
	if sent := a.sent[n].Load(); sent > 0 {
		s := &a.shards[rand.N(len(a.shards))]
		s.Lock()
		defer s.Unlock()
		s.Add(at.Sub(time.Unix(0, sent)))
	}
}

func (a *arrivals) total() (h loadgen.Histogram) {
	for i := range a.shards {
		s := &a.shards[i]
		s.Lock()
		h.Merge(s.Histogram)
		s.Unlock()
	}
	return h
}
