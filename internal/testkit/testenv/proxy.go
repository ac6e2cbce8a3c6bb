package testenv

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Direction says which way bytes go through a proxy.
type Direction int

// Directions.
const (
	ToServer Direction = iota
	ToClient
)

// Action is what a proxy does with bytes that it was about to pass on.
type Action int

// Actions. Hold keeps the bytes, and all that follow them on the connection in
// the same direction, until Resume; Cut closes the connection without passing
// them on.
const (
	Pass Action = iota
	Hold
	Cut
)

// TCPProxy stands between a client and a server and breaks what a network breaks.
// It is safe for concurrent use.
type TCPProxy struct {
	// Addr is where to connect to instead of the server.
	Addr string

	tb testing.TB
	wg sync.WaitGroup

	mu        sync.Mutex
	target    string
	listener  net.Listener // nil while connections are refused
	links     map[*link]struct{}
	stalled   bool
	resumed   chan struct{} // closed by Resume, then made anew
	intercept func(Direction, []byte) Action
}

// link is one connection through the proxy.
type link struct {
	client, server net.Conn
	closed         chan struct{}
	once           sync.Once
}

// Proxy starts a proxy to target, host:port.
func Proxy(tb testing.TB, target string) *TCPProxy {
	tb.Helper()
	p := &TCPProxy{
		Addr:    Address(tb),
		tb:      tb,
		target:  target,
		links:   make(map[*link]struct{}),
		resumed: make(chan struct{}),
	}
	tb.Cleanup(func() {
		p.Refuse()
		p.wg.Wait()
	})
	p.Resume()
	return p
}

// Intercept has f decide about every piece of bytes that is read from now on, one
// call at a time; nil passes everything. What was one write may come in several
// pieces. f must not block and may not call the proxy.
func (p *TCPProxy) Intercept(f func(Direction, []byte) Action) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.intercept = f
}

// Stall stops the bytes of all connections, those to come included, without
// closing one: what a cable that was pulled looks like.
func (p *TCPProxy) Stall() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stalled = true
}

// Resume ends Stall, Refuse and what an Action held.
func (p *TCPProxy) Resume() {
	p.tb.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stalled = false
	close(p.resumed)
	p.resumed = make(chan struct{})
	if p.listener != nil {
		return
	}
	l, err := net.Listen("tcp", p.Addr)
	require.NoError(p.tb, err)
	p.listener = l
	p.wg.Go(func() { p.accept(l) })
}

// Cut closes all connections. New ones are accepted.
func (p *TCPProxy) Cut() {
	p.mu.Lock()
	links := p.links
	p.links = make(map[*link]struct{})
	p.mu.Unlock()
	for l := range links {
		l.close()
	}
}

// Refuse closes all connections and refuses new ones until Resume.
func (p *TCPProxy) Refuse() {
	p.mu.Lock()
	l := p.listener
	p.listener = nil
	p.mu.Unlock()
	if l != nil {
		_ = l.Close()
	}
	p.Cut()
}

// Redirect sends the connections to come to another server; those that are open
// stay where they are. That is what a fail-over looks like to a client that knows
// a name and not a server.
func (p *TCPProxy) Redirect(target string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = target
}

// Connections is how many connections are open.
func (p *TCPProxy) Connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.links)
}

func (p *TCPProxy) accept(listener net.Listener) {
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		p.wg.Go(func() { p.carry(listener, client) })
	}
}

func (p *TCPProxy) carry(listener net.Listener, client net.Conn) {
	p.mu.Lock()
	target := p.target
	p.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	server, err := new(net.Dialer).DialContext(ctx, "tcp", target)
	if err != nil {
		_ = client.Close()
		return
	}
	l := &link{client: client, server: server, closed: make(chan struct{})}
	p.mu.Lock()
	if p.listener != listener { // refused meanwhile
		p.mu.Unlock()
		l.close()
		return
	}
	p.links[l] = struct{}{}
	p.mu.Unlock()

	p.wg.Go(func() { p.pump(l, ToServer, server, client) })
	p.pump(l, ToClient, client, server)
}

// pump moves bytes one way. While they are held back nothing is read either, so
// the sender meets a full buffer in the end, and the proxy holds one piece.
func (p *TCPProxy) pump(l *link, d Direction, dst io.Writer, src io.Reader) {
	defer p.drop(l)
	buf := make([]byte, 32<<10)
	for {
		n, err := src.Read(buf)
		if n > 0 {
			if !p.permit(l, d, buf[:n]) {
				return
			}
			if _, err := dst.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil {
			// The end of a stream is held back like its bytes.
			p.permit(l, d, nil)
			return
		}
	}
}

// permit waits until the bytes may pass and tells whether they may at all.
func (p *TCPProxy) permit(l *link, d Direction, b []byte) bool {
	p.mu.Lock()
	action, resumed := Pass, p.resumed
	if p.intercept != nil && len(b) > 0 {
		action = p.intercept(d, b)
	}
	if p.stalled && action == Pass {
		action = Hold
	}
	p.mu.Unlock()
	if action == Hold {
		select {
		case <-resumed:
		case <-l.closed:
			return false
		}
	}
	return action != Cut
}

func (p *TCPProxy) drop(l *link) {
	l.close()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.links, l)
}

func (l *link) close() {
	l.once.Do(func() {
		close(l.closed)
		_ = errors.Join(l.client.Close(), l.server.Close())
	})
}
