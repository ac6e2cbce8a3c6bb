package conntest

import (
	"context"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/gateway/conn"
)

func testAge(t *testing.T, engine Engine) {
	src := NewSource(t)
	src.LastWords = "goodbye"
	opt := calm()
	opt.Age, opt.Expiry = time.Now().Add(50*time.Millisecond), time.Now().Add(time.Minute)
	c := dial(t, start(t, engine, opt, always(src)), 0)
	c.open()
	src.Say("hello,")
	body := c.rest()
	require.False(t, time.Now().Before(opt.Age), "ended before its time")
	// On a busy machine its time may be up before anything was said.
	require.Contains(t, []string{"hello,goodbye", "goodbye"}, body)
	require.Equal(t, conn.ReasonAge, src.AwaitClose())
	require.Equal(t, []conn.Reason{conn.ReasonAge}, src.Ends())
}

// The server's WriteTimeout is for answers; a stream ends in its own time.
func testOutlivesWriteTimeout(t *testing.T, engine Engine) {
	src := NewSource(t)
	src.LastWords = "goodbye"
	opt := calm()
	opt.Age = time.Now().Add(writeTimeout + time.Second)
	c := dial(t, start(t, engine, opt, always(src)), 0)
	c.open()
	src.Say("hello,")
	require.Equal(t, "hello,goodbye", c.rest())
	require.Equal(t, conn.ReasonAge, src.AwaitClose())
}

func testExpiry(t *testing.T, engine Engine) {
	src := NewSource(t)
	src.LastWords = "expired"
	opt := calm()
	opt.Expiry, opt.Age = time.Now().Add(50*time.Millisecond), time.Now().Add(time.Minute)
	c := dial(t, start(t, engine, opt, always(src)), 0)
	c.open()
	require.Equal(t, "expired", c.rest())
	require.Equal(t, conn.ReasonExpired, src.AwaitClose())
	require.Equal(t, []conn.Reason{conn.ReasonExpired}, src.Ends())
}

// What was written while a token was good must not wait for a client that takes
// it hours later.
func testExpiryOfAStalledClient(t *testing.T, engine Engine) {
	src := NewSource(t)
	src.Endless = strings.Repeat("x", 8<<10)
	opt := calm() // patient with slow clients, much longer than this test
	opt.Expiry = time.Now().Add(500 * time.Millisecond)
	c := dial(t, start(t, engine, opt, always(src)), 64<<10)
	c.open()
	require.Equal(t, conn.ReasonExpired, src.AwaitClose())
	require.False(t, time.Now().Before(opt.Expiry), "ended before its time")
}

// A stream that always has something to write ends in time all the same.
func testAgeWhileBusy(t *testing.T, engine Engine) {
	src := NewSource(t)
	src.Endless, src.LastWords = "data\n", "goodbye"
	opt := calm()
	opt.Age = time.Now().Add(50 * time.Millisecond)
	c := dial(t, start(t, engine, opt, always(src)), 0)
	c.open()
	// On a busy machine its time may be up before it began.
	data, ended := strings.CutSuffix(c.rest(), "goodbye")
	require.True(t, ended)
	require.Empty(t, strings.ReplaceAll(data, "data\n", ""))
	require.Equal(t, conn.ReasonAge, src.AwaitClose())
}

func testClientLeaves(t *testing.T, engine Engine) {
	src := NewSource(t)
	c := dial(t, start(t, engine, calm(), always(src)), 0)
	c.open()
	src.AwaitStart()
	require.NoError(t, c.c.Close())
	require.Equal(t, conn.ReasonClient, src.AwaitClose())
}

func testClientResets(t *testing.T, engine Engine) {
	src := NewSource(t)
	src.Endless = "data\n"
	c := dial(t, start(t, engine, calm(), always(src)), 0)
	c.open()
	require.NoError(t, c.c.SetLinger(0)) // RST instead of FIN
	require.NoError(t, c.c.Close())
	require.Equal(t, conn.ReasonClient, src.AwaitClose())
}

func testSlow(t *testing.T, engine Engine) {
	src := NewSource(t)
	src.Endless = strings.Repeat("x", 8<<10)
	opt := calm()
	opt.SlowTimeout = 200 * time.Millisecond
	began := time.Now()
	c := dial(t, start(t, engine, opt, always(src)), 64<<10)
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
	c := dial(t, start(t, engine, opt, always(src)), 0)
	c.open()
	// Four pauses, longer than SlowTimeout together, none of them alone, and each
	// so much shorter that a busy machine does not make it longer.
	began := time.Now()
	total := 0
	buf := make([]byte, 5<<20)
	for range 4 {
		pause(opt.SlowTimeout / 3)
		n, err := io.ReadFull(c.r, buf)
		require.NoError(t, err)
		total += n
	}
	require.Greater(t, time.Since(began), opt.SlowTimeout)
	n, err := io.Copy(io.Discard, &untilLastChunk{c: c})
	require.NoError(t, err)
	require.Greater(t, total+int(n), 24<<20)
	require.Equal(t, conn.ReasonEnd, src.AwaitClose())
}

// pause is a client that does not read for a while.
func pause(d time.Duration) { <-time.After(d) }

// untilLastChunk reads raw bytes up to the last chunk.
type untilLastChunk struct {
	c    *client
	tail string
}

func (u *untilLastChunk) Read(p []byte) (int, error) {
	const last = "\r\n0\r\n\r\n"
	if u.tail == last {
		return 0, io.EOF
	}
	n, err := u.c.r.Read(p)
	u.tail += string(p[:n])
	u.tail = u.tail[max(0, len(u.tail)-len(last)):]
	return n, err
}

func testHTTP2(t *testing.T, engine Engine) {
	src := NewSource(t)
	src.LastWords = "goodbye"
	opt := calm()
	opt.Heartbeat = 20 * time.Millisecond
	opt.Age = time.Now().Add(writeTimeout + time.Second)
	addr := start(t, engine, opt, always(src))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+addr, nil)
	require.NoError(t, err)
	resp, err := http2Client(t).Do(r)
	require.NoError(t, err)
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
	addr := start(t, engine, calm(), always(src))
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr, nil)
	require.NoError(t, err)
	resp, err := http2Client(t).Do(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	src.AwaitStart()
	cancel()
	require.Equal(t, conn.ReasonClient, src.AwaitClose())
}

// Times on a busy machine: an engine's lower bounds hold there too, since a
// delay only makes things later; of the upper ones a lost timer is found by any.

func testHeartbeat(t *testing.T, engine Engine) {
	const beats = 5
	src := NewSource(t)
	opt := calm()
	opt.Heartbeat = 100 * time.Millisecond
	c := dial(t, start(t, engine, opt, always(src)), 0)
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
	src := NewSource(t)
	opt := calm()
	opt.Heartbeat = 400 * time.Millisecond
	c := dial(t, start(t, engine, opt, always(src)), 0)
	c.open()
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
