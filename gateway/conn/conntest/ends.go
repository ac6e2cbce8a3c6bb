package conntest

import (
	"context"
	"io"
	"net"
	"net/http/httputil"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/gateway/conn"
)

// ending is how a stream ends when its time is up.
type ending struct {
	age, expiry              time.Duration // from its beginning; 0: never
	endless, says, lastWords string
	body                     string // a pattern; empty: the client takes little, and then nothing
	reason                   conn.Reason
}

var endings = map[string]ending{
	// On a busy machine its time may be up before anything was said.
	"age": {
		age: 50 * time.Millisecond, expiry: time.Minute,
		says: "hello,", lastWords: "goodbye", body: "(hello,)?goodbye", reason: conn.ReasonAge,
	},
	// The server's WriteTimeout is for answers; a stream ends in its own time.
	"long silence": {
		age: writeTimeout + time.Second, says: "hello,", lastWords: "goodbye", body: "hello,goodbye", reason: conn.ReasonAge,
	},
	"expiry before age": {
		age: time.Minute, expiry: 50 * time.Millisecond, lastWords: "expired", body: "expired", reason: conn.ReasonExpired,
	},
	// What was written while a token was good must not wait for a client that takes
	// it hours later. The options are patient with slow clients, much longer than this.
	"expiry, not reading": {
		expiry: 500 * time.Millisecond, endless: strings.Repeat("x", 8<<10), reason: conn.ReasonExpired,
	},
	// A stream that always has something to write ends in time all the same.
	"age of a busy stream": {
		age: 50 * time.Millisecond, endless: "data\n", lastWords: "goodbye", body: `(data\n)*goodbye`, reason: conn.ReasonAge,
	},
}

func (e ending) test(t *testing.T, engine Engine) {
	src, opt, rcvbuf, began := NewSource(t), calm(), 0, time.Now()
	src.Endless, src.LastWords = e.endless, e.lastWords
	if e.age > 0 {
		opt.Age = began.Add(e.age)
	}
	if e.expiry > 0 {
		opt.Expiry = began.Add(e.expiry)
	}
	if e.body == "" {
		rcvbuf = 64 << 10
	}
	c := connect(t, engine, opt, src, rcvbuf)
	c.open()
	if e.says != "" {
		src.Say(e.says)
	}
	if e.body != "" {
		require.Regexp(t, "^"+e.body+"$", c.rest())
		require.Equal(t, []conn.Reason{e.reason}, src.Ends())
	}
	require.Equal(t, e.reason, src.AwaitClose())
	due := map[conn.Reason]time.Duration{conn.ReasonAge: e.age, conn.ReasonExpired: e.expiry}[e.reason]
	require.GreaterOrEqual(t, time.Since(began), due, "ended before its time")
}

// leaving tests that a client that leaves in some way, while it is told something
// endless or nothing, is found to be gone.
func leaving(endless string, leave func(*net.TCPConn) error) func(*testing.T, Engine) {
	return func(t *testing.T, engine Engine) {
		src := NewSource(t)
		src.Endless = endless
		c := connect(t, engine, calm(), src, 0)
		c.open()
		src.AwaitStart()
		require.NoError(t, leave(c.c))
		require.Equal(t, conn.ReasonClient, src.AwaitClose())
	}
}

func testSlow(t *testing.T, engine Engine) {
	src := NewSource(t)
	src.Endless = strings.Repeat("x", 8<<10)
	opt := calm()
	opt.SlowTimeout = 200 * time.Millisecond
	began := time.Now()
	c := connect(t, engine, opt, src, 64<<10)
	c.open()
	require.Equal(t, conn.ReasonSlow, src.AwaitClose())
	require.GreaterOrEqual(t, time.Since(began), opt.SlowTimeout)
	// Cut off, not ended: the client must not take it for a proper end.
	for {
		_, last, err := c.chunk()
		require.False(t, last)
		if err != nil {
			require.NotErrorIs(t, err, os.ErrDeadlineExceeded)
			break
		}
	}
}

// Whoever takes bytes again and again is not slow, however little it is.
func testReadsLittle(t *testing.T, engine Engine) {
	src := NewSource(t)
	src.Say(strings.Repeat("x", 24<<20)) // more than the kernel takes in
	src.Finish()
	opt := calm()
	opt.SlowTimeout = 3 * time.Second
	c := connect(t, engine, opt, src, 0)
	c.open()
	// Four pauses, longer than SlowTimeout together, none of them alone, and each
	// so much shorter that a busy machine does not make it longer.
	began, body := time.Now(), httputil.NewChunkedReader(c.r)
	for range 4 {
		pause(opt.SlowTimeout / 3)
		_, err := io.CopyN(io.Discard, body, 5<<20)
		require.NoError(t, err)
	}
	require.Greater(t, time.Since(began), opt.SlowTimeout)
	n, err := io.Copy(io.Discard, body)
	require.NoError(t, err)
	require.EqualValues(t, 4<<20, n)
	require.Equal(t, conn.ReasonEnd, src.AwaitClose())
}

// pause is a client that does not read for a while.
func pause(d time.Duration) { <-time.After(d) }

func testHTTP2(t *testing.T, engine Engine) {
	src := NewSource(t)
	src.LastWords = "goodbye"
	opt := calm()
	opt.Heartbeat = 20 * time.Millisecond
	opt.Age = time.Now().Add(writeTimeout + time.Second)
	resp := http2(t.Context(), t, start(t, engine, opt, func() conn.Source { return src }))
	defer resp.Body.Close()
	require.Equal(t, 2, resp.ProtoMajor)
	src.Say("hello,")
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	text := strings.ReplaceAll(string(body), Heartbeat, "")
	require.Equal(t, "hello,goodbye", text)
	require.Equal(t, conn.ReasonAge, src.AwaitClose())
}

func testHTTP2ClientLeaves(t *testing.T, engine Engine) {
	src := NewSource(t)
	ctx, cancel := context.WithCancel(t.Context())
	resp := http2(ctx, t, start(t, engine, calm(), func() conn.Source { return src }))
	defer resp.Body.Close()
	src.AwaitStart()
	cancel()
	require.Equal(t, conn.ReasonClient, src.AwaitClose())
}

// Times on a busy machine: an engine's lower bounds hold there too, since a
// delay only makes things later; of the upper ones a lost timer is found by any.

func testHeartbeat(t *testing.T, engine Engine) {
	const beats = 5
	opt := calm()
	opt.Heartbeat = 100 * time.Millisecond
	c := connect(t, engine, opt, NewSource(t), 0)
	began := time.Now()
	c.open()
	for range beats {
		last := time.Now()
		c.expect(Heartbeat)
		require.Less(t, time.Since(last), 100*opt.Heartbeat)
	}
	require.GreaterOrEqual(t, time.Since(began), beats*opt.Heartbeat*9/10)
}

// A heartbeat comes after a silence, and only then.
func testDataDelaysHeartbeat(t *testing.T, engine Engine) {
	opt := calm()
	opt.Heartbeat = 400 * time.Millisecond
	src, c := stream(t, engine, opt)
	quiet := time.Now() // nothing was written since then, or later
	for range 8 {       // twice the interval
		said := time.Now()
		src.Say("x")
		for got := ""; got != "x"; {
			data, last, err := c.chunk()
			require.NoError(t, err)
			require.False(t, last)
			if got = string(data); got == Heartbeat {
				require.GreaterOrEqual(t, time.Since(quiet), opt.Heartbeat*9/10)
			}
		}
		quiet = said
		pause(opt.Heartbeat / 4)
	}
	c.expect(Heartbeat)
}
