package conntest

import (
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/gateway/conn"
)

// Engine answers a request with status 200, the headers that are set on w, and
// the stream of src. It may return before the stream is over, if it took the
// connection over.
type Engine func(w http.ResponseWriter, r *http.Request, src conn.Source, opt conn.Options)

// Traits are what engines may do differently.
type Traits struct {
	// Reuses: an HTTP/1.1 connection takes another request after a stream that
	// ended. Otherwise the engine closes it, and the response says so.
	Reuses bool
}

// writeTimeout is the server's. A stream must outlive it, and a connection's next
// request needs it. It bounds the head too, on a machine with much else to do.
const writeTimeout = 2 * time.Second

// calm are options under which nothing happens by itself within a test.
func calm() conn.Options {
	return conn.Options{Heartbeat: time.Minute, SlowTimeout: time.Minute}
}

// Run runs the suite.
func Run(t *testing.T, engine Engine, traits Traits) {
	tests := map[string]func(*testing.T, Engine){
		"head":                  testHead,
		"order":                 testOrder,
		"begun":                 testBegun,
		"one wake is enough":    testDrainsBeforeWaiting,
		"wake while asked":      testWakeWhileAsked,
		"wakes from everywhere": testWakesFromEverywhere,
		"large block":           testLargeBlock,
		"end at once":           testEndAtOnce,
		"client stops reading":  testSlow,
		"client reads little":   testReadsLittle,
		"heartbeat":             testHeartbeat,
		"data delays heartbeat": testDataDelaysHeartbeat,
		"tiny windows":          testTinyWindows,
		"pipelined request":     testPipelined,
		"churn":                 testChurn,
		"HTTP/1.0":              testHTTP10,
		"HTTP/2":                testHTTP2,
		"HTTP/2 client leaves":  testHTTP2ClientLeaves,

		"client leaves": leaving("", (*net.TCPConn).Close),
		"client resets": leaving("data\n", func(c *net.TCPConn) error {
			return errors.Join(c.SetLinger(0), c.Close()) // RST instead of FIN
		}),
		// It is taken for gone, as net/http does.
		"client half-closes": leaving("", (*net.TCPConn).CloseWrite),
	}
	for name, e := range endings {
		tests[name] = e.test
	}
	if traits.Reuses {
		tests["connection is reused"] = testConnectionIsReused
	} else {
		tests["connection is closed"] = testConnectionIsClosed
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, engine)
		})
	}
}

// start serves one source for all requests, or a new one from next for each.
func start(t *testing.T, engine Engine, opt conn.Options, next func() conn.Source) (addr string) {
	t.Helper()
	ln, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	srv := &http.Server{
		WriteTimeout:      writeTimeout,
		ReadHeaderTimeout: patience,
		Protocols:         protocols,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/event-stream")
			w.Header().Set("X-Request-ID", "kept")
			engine(w, r, next(), opt)
		}),
	}
	var served sync.WaitGroup
	served.Go(func() { _ = srv.Serve(ln) })
	t.Cleanup(func() {
		_ = srv.Close() // of the listener, which some tests close before
		served.Wait()
	})
	return ln.Addr().String()
}

// connect has a client ask for the one source, with a small receive buffer if rcvbuf is
// not 0.
func connect(t *testing.T, engine Engine, opt conn.Options, src *Source, rcvbuf int) *client {
	t.Helper()
	return dial(t, start(t, engine, opt, func() conn.Source { return src }), rcvbuf)
}

// stream is a source with nothing to say, and a client that has the head.
func stream(t *testing.T, engine Engine, opt conn.Options) (*Source, *client) {
	t.Helper()
	src := NewSource(t)
	c := connect(t, engine, opt, src, 0)
	c.open()
	return src, c
}

func testOrder(t *testing.T, engine Engine) {
	src, c := stream(t, engine, calm())
	for _, block := range []string{"data: 1\n\n", "data: 2\n\n", "data: 3\n\n"} {
		src.Say(block) // each is there before the next is said: nothing waits for more
		c.expect(block)
	}
	src.Say("a", "b", "c")
	src.Finish()
	require.Equal(t, "abc", c.rest())
	require.Equal(t, conn.ReasonEnd, src.AwaitClose())
	require.Empty(t, src.Ends())
}

func testBegun(t *testing.T, engine Engine) {
	begun := make(chan struct{}, 10)
	opt := calm()
	opt.Begun = func() { begun <- struct{}{} }
	src, c := stream(t, engine, opt)
	src.Say("a")
	c.expect("a")
	src.Finish()
	require.Empty(t, c.rest())
	require.Equal(t, conn.ReasonEnd, src.AwaitClose())
	require.Len(t, begun, 1)
}

func testDrainsBeforeWaiting(t *testing.T, engine Engine) {
	block := strings.Repeat("x", 9000) // two don't fit one call of Next
	src, c := stream(t, engine, calm())
	src.AwaitStart()
	src.Say(slices.Repeat([]string{block}, 20)...)
	c.expect(strings.Repeat(block, 20))
	src.Finish()
	require.Empty(t, c.rest())
}

func testWakeWhileAsked(t *testing.T, engine Engine) {
	src := NewSource(t)
	src.OnNext = func(call int) {
		if call == 1 {
			src.Wake() // by another goroutine, as far as the engine can tell
		}
	}
	c := connect(t, engine, calm(), src, 0)
	c.open()
	require.Eventually(t, func() bool { return src.Asked() >= 2 }, patience, time.Millisecond)
	src.Finish()
	require.Empty(t, c.rest())
}

func testWakesFromEverywhere(t *testing.T, engine Engine) {
	const goroutines, each = 8, 200
	src, c := stream(t, engine, calm())
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for range each {
				src.Say("x")
			}
		})
	}
	c.expect(strings.Repeat("x", goroutines*each))
	wg.Wait()
	src.Finish()
	require.Empty(t, c.rest())
	require.Equal(t, conn.ReasonEnd, src.AwaitClose())
	src.Wake() // a late one does no harm
}

func testLargeBlock(t *testing.T, engine Engine) {
	src := NewSource(t)
	var b strings.Builder
	for i := range 1 << 18 {
		b.WriteByte("0123456789abcdef\n"[i%17])
		b.WriteByte(byte('A' + i/17%26))
	}
	large := b.String()
	src.Say("small,", large, ",small")
	src.Finish()
	c := connect(t, engine, calm(), src, 0)
	c.open()
	require.Equal(t, "small,"+large+",small", c.rest())
}

func testEndAtOnce(t *testing.T, engine Engine) {
	src := NewSource(t)
	src.Finish()
	c := connect(t, engine, calm(), src, 0)
	c.open()
	require.Empty(t, c.rest())
	require.Equal(t, conn.ReasonEnd, src.AwaitClose())
}

// testConnectionIsClosed: what a client sends after its request is not answered,
// and does not harm the stream's end either.
func testConnectionIsClosed(t *testing.T, engine Engine) {
	src := NewSource(t)
	src.Say("one")
	src.Finish()
	c := connect(t, engine, calm(), src, 0)
	head := c.open()
	require.Equal(t, "close", head.Get("Connection"))
	require.Equal(t, "one", c.rest())
	_, err := c.r.ReadByte()
	require.ErrorIs(t, err, io.EOF)
}

func testConnectionIsReused(t *testing.T, engine Engine) {
	addr := start(t, engine, calm(), func() conn.Source {
		src := NewSource(t)
		src.Say("one")
		src.Finish()
		return src
	})
	c := dial(t, addr, 0)
	for range 3 {
		c.open()
		require.Equal(t, "one", c.rest())
	}
}
