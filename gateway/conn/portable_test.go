package conn_test

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/gateway/conn"
	"github.com/bellhop/bellhop/gateway/conn/conntest"
)

func TestPortable(t *testing.T) {
	t.Parallel()
	conntest.Run(t, func(w http.ResponseWriter, r *http.Request, src conn.Source, opt conn.Options) {
		if err := conn.Greet(w, nil); err != nil {
			src.Close(conn.ReasonClient)
			return
		}
		conn.Serve(w, r, src, opt)
	}, conntest.Traits{Reuses: true})
}

// recorder notes when what was written, and takes deadlines.
type recorder struct {
	*httptest.ResponseRecorder
	began    time.Time
	writes   map[string][]time.Duration
	deadline time.Time
	// deadlines are those of the newest writes.
	deadlines map[string]time.Duration
	fail      error
}

func newRecorder() *recorder {
	return &recorder{
		ResponseRecorder: httptest.NewRecorder(), began: time.Now(),
		writes: map[string][]time.Duration{}, deadlines: map[string]time.Duration{},
	}
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.fail != nil {
		return 0, r.fail
	}
	r.writes[string(b)] = append(r.writes[string(b)], time.Since(r.began))
	r.deadlines[string(b)] = r.deadline.Sub(r.began)
	return len(b), nil
}

func (r *recorder) SetWriteDeadline(t time.Time) error {
	r.deadline = t
	return nil
}

// Exact times, on a clock that stands still while anything runs.
func TestPortableTimes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newRecorder()
		src := conntest.NewSource(t)
		src.LastWords = "bye"
		go func() {
			<-time.After(30 * time.Second)
			src.Say("x")
		}()
		reason := conn.Serve(w, httptest.NewRequest(http.MethodGet, "/", nil), src, conn.Options{
			Heartbeat: 20 * time.Second, SlowTimeout: 30 * time.Second,
			Age: time.Now().Add(100 * time.Second), Expiry: time.Now().Add(200 * time.Second),
		})
		require.Equal(t, conn.ReasonAge, reason)
		require.Equal(t, map[string][]time.Duration{
			conntest.Heartbeat: {20 * time.Second, 50 * time.Second, 70 * time.Second, 90 * time.Second},
			"x":                {30 * time.Second},
			"bye":              {100 * time.Second},
		}, w.writes)
		require.Equal(t, time.Now().Add(30*time.Second), w.deadline, "the response's last bytes are bounded")
		require.Equal(t, conn.ReasonAge, src.AwaitClose())
	})
}

// Writing is bounded by SlowTimeout, and by the end of the token with a margin for
// the last words.
func TestPortableDeadlines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newRecorder()
		src := conntest.NewSource(t)
		src.LastWords = "bye"
		src.OnNext = func(int) {
			if !w.deadline.IsZero() {
				t.Errorf("a deadline stays between writes: on HTTP/2 it would end the stream")
			}
		}
		go func() {
			for _, word := range []string{"early", "late"} {
				<-time.After(40 * time.Second)
				src.Say(word)
			}
		}()
		began := time.Now()
		reason := conn.Serve(w, httptest.NewRequest(http.MethodGet, "/", nil), src, conn.Options{
			Heartbeat: time.Hour, SlowTimeout: 30 * time.Second, Expiry: began.Add(100 * time.Second),
		})
		require.Equal(t, conn.ReasonExpired, reason)
		require.Equal(t, map[string]time.Duration{
			"early": 70 * time.Second, "late": 101 * time.Second, "bye": 101 * time.Second,
		}, w.deadlines)
	})
}

func TestPortableTellsWhyWritingFailed(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err  error
		want conn.Reason
	}{
		{errors.New("disk on fire"), conn.ReasonError},
		{os.ErrDeadlineExceeded, conn.ReasonSlow},
		{net.ErrClosed, conn.ReasonClient},
		{&net.OpError{Op: "write", Err: syscall.ECONNRESET}, conn.ReasonClient},
		{&net.OpError{Op: "write", Err: syscall.ETIMEDOUT}, conn.ReasonClient},
	} {
		w := newRecorder()
		w.fail = tt.err
		src := conntest.NewSource(t)
		src.Say("x")
		got := conn.Serve(w, httptest.NewRequest(http.MethodGet, "/", nil), src, conn.Options{Heartbeat: time.Minute, SlowTimeout: time.Minute})
		require.Equal(t, tt.want, got, "%v", tt.err)
		require.Equal(t, tt.want, src.AwaitClose())
	}
}

// A writer without deadlines can't be guarded against slow clients, so no
// stream is carried over it.
func TestPortableNeedsDeadlines(t *testing.T) {
	t.Parallel()
	src := conntest.NewSource(t)
	src.Say("x")
	got := conn.Serve(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil), src, conn.Options{Heartbeat: time.Minute, SlowTimeout: time.Minute})
	require.Equal(t, conn.ReasonError, got)
}

// A source that panics is closed all the same: it holds a place in the hub.
func TestPortableClosesASourceThatPanics(t *testing.T) {
	t.Parallel()
	src := conntest.NewSource(t)
	src.OnNext = func(int) { panic("a bug") }
	require.Panics(t, func() {
		conn.Serve(newRecorder(), httptest.NewRequest(http.MethodGet, "/", nil), src, conn.Options{Heartbeat: time.Minute, SlowTimeout: time.Minute})
	})
	require.Equal(t, conn.ReasonError, src.AwaitClose())
}

// oneBlock is a source that says one block and has forgotten it then.
type oneBlock struct {
	*conntest.Source
	block []byte
}

func (o *oneBlock) Next(bufs [][]byte, limit int) ([][]byte, bool) {
	if o.block == nil {
		return o.Source.Next(bufs, limit)
	}
	bufs, o.block = append(bufs, o.block), nil
	return bufs, false
}

// Frames are shared by all streams of a channel, and die with its ring: a stream
// that goes quiet must not keep those that it wrote last.
func TestPortableKeepsNoFrames(t *testing.T) {
	t.Parallel()
	src := &oneBlock{Source: conntest.NewSource(t), block: make([]byte, 4<<10)}
	block := weak.Make(&src.block[0])
	var served sync.WaitGroup
	served.Go(func() {
		conn.Serve(newRecorder(), httptest.NewRequest(http.MethodGet, "/", nil), src, conn.Options{Heartbeat: time.Minute, SlowTimeout: time.Minute})
	})
	require.Eventually(t, func() bool {
		runtime.GC()
		return block.Value() == nil
	}, 10*time.Second, 10*time.Millisecond)
	src.Finish()
	served.Wait()
}
