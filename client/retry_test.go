package client_test

import (
	"context"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/client"
)

func TestWhatPassesIsRepeatedUnderTheSameKey(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := inTurn(broken(io.EOF), status(503, `{}`), status(502, ""), status(504, ""), status(408, ""), status(409, `{}`),
			status(429, `{}`), status(201, `{"ev`), status(201, created))
		receipt, err := newClient(t, f).Publish(t.Context(), event("hi"))
		require.NoError(t, err)
		require.Equal(t, uint64(17), receipt.Events[0].Seq)
		calls := f.record()
		require.Len(t, calls, 9)
		for _, c := range calls {
			require.Equal(t, calls[0].header.Get("Idempotency-Key"), c.header.Get("Idempotency-Key"))
			require.Equal(t, calls[0].body, c.body)
		}
	})
}

// TestWaitsGrowAndAreBounded: a service that finds the notifier away asks less
// and less often, but at least every five seconds.
func TestWaitsGrowAndAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := inTurn(status(503, `{}`))
		began := time.Now()
		_, err := newClient(t, f).Publish(t.Context(), event("hi"))
		require.ErrorIs(t, err, client.ErrUnavailable)
		require.LessOrEqual(t, time.Since(began), client.DefaultRetryFor)
		calls := f.record()
		var refusal *client.Error
		require.ErrorAs(t, err, &refusal)
		require.Equal(t, len(calls), refusal.Attempts)
		low, high := 50*time.Millisecond, 100*time.Millisecond
		for i := 1; i < len(calls); i++ {
			wait := calls[i].at.Sub(calls[i-1].at)
			require.GreaterOrEqual(t, wait, low, "before attempt %d", i+1)
			require.LessOrEqual(t, wait, high, "before attempt %d", i+1)
			low, high = min(2*low, 2500*time.Millisecond), min(2*high, 5*time.Second)
		}
		require.Greater(t, len(calls), 8)
	})
}

func TestRetryAfterIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		inSevenSeconds := func() (*http.Response, error) {
			return respond(503, `{}`, "Retry-After", time.Now().Add(7*time.Second).UTC().Format(http.TimeFormat))
		}
		f := inTurn(status(429, `{}`, "Retry-After", "3"), inSevenSeconds, status(503, `{}`, "Retry-After", "soon"),
			status(503, `{}`, "Retry-After", "Sat, 01 Jan 2000 00:00:00 GMT"), status(201, created))
		_, err := newClient(t, f).Publish(t.Context(), event("hi"))
		require.NoError(t, err)
		calls := f.record()
		require.GreaterOrEqual(t, calls[1].at.Sub(calls[0].at), 3*time.Second)
		require.GreaterOrEqual(t, calls[2].at.Sub(calls[1].at), 6*time.Second, "dates have no fractions of seconds")
		require.Less(t, calls[3].at.Sub(calls[2].at), time.Second, "what can't be understood is not kept")
		require.Less(t, calls[4].at.Sub(calls[3].at), time.Second, "what is past is not kept")
	})
}

// TestRetryAfterBeyondTheBudgetEndsTheCall at once: there is nothing to wait for.
func TestRetryAfterBeyondTheBudgetEndsTheCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for _, after := range []string{"60", "4294967296", "4294967295"} {
			f := inTurn(status(503, `{}`, "Retry-After", after))
			began := time.Now()
			_, err := newClient(t, f, func(c *client.Config) { c.RetryFor = 20 * time.Second }).Publish(t.Context(), event("hi"))
			require.ErrorIs(t, err, client.ErrUnavailable)
			if after != "4294967296" { // more than a number of seconds has: not understood
				require.Zero(t, time.Since(began))
				require.Len(t, f.record(), 1)
			}
		}
	})
}

func TestOneAttemptIfNotToBeRepeated(t *testing.T) {
	t.Parallel()
	f := inTurn(status(503, `{}`))
	_, err := newClient(t, f, once).Publish(t.Context(), event("hi"))
	require.ErrorIs(t, err, client.ErrUnavailable)
	require.Len(t, f.record(), 1)
}

func TestAttemptThatHangsIsGivenUpAndRepeated(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &hanging{fake: inTurn(status(201, created)), times: 2}
		began := time.Now()
		_, err := newClient(t, f).Publish(t.Context(), event("hi"))
		require.NoError(t, err)
		require.GreaterOrEqual(t, time.Since(began), 2*client.DefaultTimeout)
		require.Less(t, time.Since(began), 2*client.DefaultTimeout+time.Second)
	})
}

// hanging lets the first requests wait for their end.
type hanging struct {
	*fake

	times int
}

func (h *hanging) RoundTrip(r *http.Request) (*http.Response, error) {
	if h.times > 0 {
		h.times--
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	return h.fake.RoundTrip(r)
}

func TestEndedContextEndsTheCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		f := inTurn(status(503, `{"detail":"the log is away"}`, "Retry-After", "2"))
		began := time.Now()
		_, err := newClient(t, f).Publish(ctx, event("hi"))
		require.Equal(t, time.Second, time.Since(began))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorIs(t, err, client.ErrUnavailable)
		require.EqualError(t, err, "bellhop: 503 the log is away; context deadline exceeded")

		_, err = newClient(t, &hanging{fake: f, times: 1}).Publish(ctx, event("hi"))
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
}
