package server

import (
	"context"
	"errors"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// aheadMost is how many connections wait for the entrance. Those that come when it
	// is full wait in the kernel's queue, and when that is full too, for as long as
	// their TCP waits before it asks again: a second and more, in no order.
	aheadMost = 8192
	// aheadLeast is how many may wait even if there is no room for their streams: they are
	// told to go elsewhere.
	aheadLeast = 64
	// aheadGap is for how long nobody came when the listener is closed in order.
	aheadGap = time.Millisecond
	// aheadStride is how many are accepted before others may run.
	aheadStride = 32
)

// ahead is a listener that accepts connections before anybody asks for them, and lets
// them wait for the entrance in the order in which they came.
type ahead struct {
	net.Listener

	door   *entrance
	room   func() int                                  // for more streams: who waits takes the descriptors of those
	timed  interface{ SetDeadline(t time.Time) error } // the listener; nil: it can't
	shut   func() error                                // closes the listener, once
	ending atomic.Bool
	conns  chan net.Conn
	taken  chan struct{} // one token when one was taken
	errs   chan error
	closed chan struct{}
	once   sync.Once
	done   sync.WaitGroup
}

func newAhead(ln net.Listener, door *entrance, room func() int) *ahead {
	a := &ahead{
		Listener: ln, door: door, room: room, conns: make(chan net.Conn, aheadMost),
		taken: make(chan struct{}, 1), errs: make(chan error), closed: make(chan struct{}), shut: sync.OnceValue(ln.Close),
	}
	a.timed, _ = ln.(interface{ SetDeadline(t time.Time) error })
	a.done.Go(a.run)
	return a
}

// run accepts until the listener is closed, which it does itself once nobody comes any
// more while that is asked for. The next try after an error comes once that was taken:
// whoever serves pauses then.
func (a *ahead) run() {
	for n := 1; ; n++ {
		for len(a.conns) >= max(a.room(), aheadLeast) {
			select {
			case <-a.taken:
			case <-a.closed:
				return
			}
		}
		last := a.ending.Load()
		if last {
			_ = a.timed.SetDeadline(time.Now().Add(aheadGap)) // an error shows at once
		}
		c, err := a.Listener.Accept()
		switch {
		case err == nil:
		case last:
			_ = a.shut()
			return
		case errors.Is(err, os.ErrDeadlineExceeded):
			continue
		default:
			select {
			case a.errs <- err:
				continue
			case <-a.closed:
				return
			}
		}
		a.door.came(c)
		select {
		case a.conns <- c:
		case <-a.closed:
			_ = c.Close() // nobody was told of it
			return
		}
		if n%aheadStride == 0 {
			runtime.Gosched()
		}
	}
}

// Accept implements net.Listener. Of connections and an error any is taken first.
func (a *ahead) Accept() (net.Conn, error) {
	a.door.wait(a.closed)
	select {
	case <-a.closed: // before a connection that waits: its stream would be one of a server that ends
		return nil, net.ErrClosed
	default:
	}
	select {
	case c := <-a.conns:
		a.door.came(c)
		select {
		case a.taken <- struct{}{}:
		default:
		}
		return c, nil
	case err := <-a.errs:
		return nil, err
	case <-a.closed:
		return nil, net.ErrClosed
	}
}

// finish takes everybody in who has come, closes the listener, and returns once the
// requests of those who waited were read, or ctx ends. The kernel resets a connection
// that it still holds, after a proxy has sent a request on it, which is then neither
// answered nor tried elsewhere.
func (a *ahead) finish(ctx context.Context) {
	if a.timed == nil {
		return
	}
	a.ending.Store(true)
	_ = a.timed.SetDeadline(time.Now()) // for an Accept that waits
	ended := make(chan struct{})
	go func() { a.done.Wait(); close(ended) }()
	select {
	case <-ended:
	case <-ctx.Done():
		return
	}
	for len(a.conns) > 0 {
		select {
		case <-a.taken:
		case <-ctx.Done():
			return
		}
	}
	a.door.waitForRequests(ctx)
}

// Close implements net.Listener. Who still waits is cut off, as the kernel does with its
// queue.
func (a *ahead) Close() error {
	err := net.ErrClosed
	a.once.Do(func() {
		close(a.closed)
		err = a.shut()
		a.done.Wait()
		for {
			select {
			case c := <-a.conns:
				_ = c.Close()
				continue
			default:
			}
			break
		}
	})
	return err
}
