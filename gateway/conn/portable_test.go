package conn_test

import (
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

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
	fail     error
}

func newRecorder() *recorder {
	return &recorder{ResponseRecorder: httptest.NewRecorder(), began: time.Now(), writes: map[string][]time.Duration{}}
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.fail != nil {
		return 0, r.fail
	}
	r.writes[string(b)] = append(r.writes[string(b)], time.Since(r.began))
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

func TestPortableTellsWhyWritingFailed(t *testing.T) {
	t.Parallel()
	for want, err := range map[conn.Reason]error{
		conn.ReasonError:  errors.New("disk on fire"),
		conn.ReasonClient: &net.OpError{Op: "write", Err: syscall.ECONNRESET},
	} {
		w := newRecorder()
		w.fail = err
		src := conntest.NewSource(t)
		src.Say("x")
		got := conn.Serve(w, httptest.NewRequest(http.MethodGet, "/", nil), src, conn.Options{Heartbeat: time.Minute, SlowTimeout: time.Minute})
		require.Equal(t, want, got)
		require.Equal(t, want, src.AwaitClose())
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
