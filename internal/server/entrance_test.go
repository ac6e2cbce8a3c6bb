package server

import (
	"context"
	"errors"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// numbered is a connection that does nothing but be closed.
type numbered struct {
	net.Conn

	n      int
	closed bool
}

func (c *numbered) Close() error {
	c.closed = true
	return nil
}

// feed is a listener that accepts what a test gives it.
type feed struct {
	net.Listener

	next   chan any // net.Conn or error
	closed chan struct{}
	once   sync.Once
}

func roomy() int { return math.MaxInt }

func newFeed() *feed { return &feed{next: make(chan any, 2*aheadMost), closed: make(chan struct{})} }

func (f *feed) Accept() (net.Conn, error) {
	select {
	case <-f.closed:
		return nil, net.ErrClosed
	case v := <-f.next:
		if err, failed := v.(error); failed {
			return nil, err
		}
		return v.(*numbered), nil
	}
}

func (f *feed) Close() error {
	f.once.Do(func() { close(f.closed) })
	return nil
}

// come has connections come, with numbers from first on.
func (f *feed) come(first, n int) (conns []*numbered) {
	for i := range n {
		c := &numbered{n: first + i}
		conns = append(conns, c)
		f.next <- c
	}
	return conns
}

// doorway is what a server does with connections: it takes one after the other.
type doorway struct {
	door  *entrance
	ahead *ahead
	feed  *feed

	mu     sync.Mutex
	taken  []int
	places []*place
}

// in is the numbers of the connections that were taken so far.
func (d *doorway) in() []int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.taken)
}

// through has a connection get through.
func (d *doorway) through(i int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.door.through(d.places[i])
}

func newDoorway() *doorway {
	d := &doorway{door: newEntrance("/stream"), feed: newFeed()}
	d.ahead = newAhead(d.feed, d.door, roomy)
	go func() {
		for {
			c, err := d.ahead.Accept()
			if err != nil {
				return
			}
			p, _ := d.door.enter(context.Background(), c).Value(placeKey{}).(*place)
			d.mu.Lock()
			d.taken, d.places = append(d.taken, c.(*numbered).n), append(d.places, p)
			d.mu.Unlock()
		}
	}()
	return d
}

// remembered is how many connections the entrance knows of.
func (d *doorway) remembered() int {
	d.door.mu.Lock()
	defer d.door.mu.Unlock()
	return len(d.door.order) + len(d.door.asking) + len(d.door.late)
}

func TestConnectionsComeInInOrderAndFewAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDoorway()
		d.feed.come(0, 3*entering)
		synctest.Wait()
		require.Len(t, d.in(), entering, "so many are under way at once")
		d.through(7)
		d.through(7) // twice is once
		synctest.Wait()
		require.Len(t, d.in(), entering+1)
		for i := 0; len(d.in()) < 3*entering; i++ {
			d.through(i)
			synctest.Wait()
		}
		for i, n := range d.in() {
			require.Equal(t, i, n)
		}
		require.NoError(t, d.ahead.Close())
	})
}

func TestAConnectionKeepsOthersOutForAWhile(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		asks bool
		most time.Duration
	}{
		"that says nothing":               {false, enterTime},
		"whose request takes a long time": {true, askTime},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := newDoorway()
				d.feed.come(0, 3*entering)
				synctest.Wait()
				for i := range entering {
					if tc.asks {
						<-d.asks(t.Context(), i)
					}
				}
				<-time.After(tc.most - time.Millisecond)
				synctest.Wait()
				require.Len(t, d.in(), entering)
				<-time.After(2 * time.Millisecond)
				synctest.Wait()
				require.Len(t, d.in(), 2*entering)
				require.LessOrEqual(t, d.remembered(), entering+1, "those whose time is over are forgotten")
				require.NoError(t, d.ahead.Close())
			})
		})
	}
}

func TestFewConnectionsAreRememberedWhileOneIsSilent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := newDoorway()
		d.feed.come(0, 1)
		synctest.Wait()
		for i := 1; i < 500; i++ {
			d.feed.come(i, 1)
			synctest.Wait()
			<-d.asks(t.Context(), i)
			d.through(i)
			<-time.After(time.Millisecond)
		}
		require.Less(t, d.remembered(), 2*int(enterTime/time.Millisecond))
		<-d.asks(t.Context(), 0)
		for i := 500; i < 1500; i++ {
			d.feed.come(i, 1)
			synctest.Wait()
			<-d.asks(t.Context(), i)
			d.through(i)
			<-time.After(time.Millisecond)
		}
		require.Less(t, d.remembered(), 2*int(askTime/time.Millisecond))
		require.NoError(t, d.ahead.Close())
	})
}

func TestConnectionsThatWaitAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, door := newFeed(), newEntrance("/stream")
		a := newAhead(f, door, roomy)
		conns := f.come(0, aheadMost+100)
		synctest.Wait()
		require.Len(t, f.next, 99, "the kernel keeps the others, but for the one that is handed over")
		require.NoError(t, a.Close())
		for _, c := range conns[:aheadMost+1] {
			require.True(t, c.closed, "who waits is cut off at the end")
		}
		_, err := a.Accept()
		require.ErrorIs(t, err, net.ErrClosed)
		require.ErrorIs(t, a.Close(), net.ErrClosed)
	})
}

// Descriptors are for streams, the database and Redis too.
func TestNoMoreConnectionsWaitThanThereIsRoomForStreams(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, streams := newFeed(), int32(0)
		a := newAhead(f, newEntrance("/stream"), func() int { return 100 - int(atomic.LoadInt32(&streams)) })
		f.come(0, 300)
		synctest.Wait()
		require.Len(t, a.conns, 100)
		for range 200 {
			_, err := a.Accept()
			require.NoError(t, err)
			atomic.AddInt32(&streams, 1)
			synctest.Wait()
			require.LessOrEqual(t, len(a.conns), max(100-int(streams), aheadLeast)+1) // one was let in by what was true before
		}
		require.Len(t, a.conns, aheadLeast, "when there is no room, those wait who are to be told so")
		require.NoError(t, a.Close())
	})
}

func TestAListenersErrorIsToldOnceForEachTry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, door := newFeed(), newEntrance("/stream")
		a := newAhead(f, door, roomy)
		full := errors.New("too many open files")
		for range 3 {
			f.next <- full
		}
		synctest.Wait()
		require.Len(t, f.next, 2, "no next try before the error was taken")
		_, err := a.Accept()
		require.ErrorIs(t, err, full)
		synctest.Wait()
		require.Len(t, f.next, 1)
		require.NoError(t, a.Close())
	})
}

func TestOnlyStreamsKeepTheirPlaceWhileTheirHandlerRuns(t *testing.T) {
	t.Parallel()
	door := newEntrance("/stream")
	in := -1
	h := door.handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { in = door.in }))
	for path, during := range map[string]int{"/stream": 1, "/inbox": 0} {
		ctx := door.enter(t.Context(), nil)
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, path, http.NoBody))
		require.Equal(t, during, in, path)
		require.Zero(t, door.in, path)
	}
}

func TestAStreamKeepsOthersOutUntilItHasBegun(t *testing.T) {
	t.Parallel()
	door := newEntrance("/stream")
	var entered func()
	h := door.handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { entered = KeepOut(r) }))
	ctx := door.enter(t.Context(), nil)
	request := httptest.NewRequestWithContext(ctx, http.MethodGet, "/stream", http.NoBody)
	h.ServeHTTP(httptest.NewRecorder(), request)
	require.Equal(t, 1, door.in, "the handler has returned, and the stream waits to begin")
	entered()
	require.Zero(t, door.in)
	entered()
	require.Zero(t, door.in, "it is given back once")

	h.ServeHTTP(httptest.NewRecorder(), request)
	require.Zero(t, door.in, "a connection counts once")

	KeepOut(httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/stream", http.NoBody))() // of a server that paces nobody
}

func TestWhoLeavesWhileWaitingHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	s, _ := newTest(t, Options{})
	s.PaceStreams("/", roomy)
	ln := listen(t)
	for range 2 * entering { // they are in the queue before the server serves
		c, err := net.Dial("tcp", ln.Addr().String())
		require.NoError(t, err)
		require.NoError(t, c.Close())
	}
	stop, done := start(t, s, ln)
	resp, err := newClient(t, nil).Get("http://" + ln.Addr().String() + livePath)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusOK, resp.StatusCode)
	stop()
	require.NoError(t, wait(t, done))
}
