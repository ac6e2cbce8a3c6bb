package tracing

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestParentIsReadAsTheStandardSays(t *testing.T) {
	t.Parallel()
	const good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	c, sampled, known := ParseParent(good)
	require.True(t, known && sampled)
	require.Equal(t, byte(0x0a), c[0])
	require.Equal(t, byte(0xb7), c[traceBytes])
	_, sampled, known = ParseParent("cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-02-what the future may add")
	require.True(t, known && !sampled, "a later version")
	for _, bad := range []string{
		"", "00", good + "-", good[:54], "ff" + good[2:], "0" + good, "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
		"00-00000000000000000000000000000000-b7ad6b7169203331-01", "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
		"00-0af7651916cd43dd8448eb211c80319x-b7ad6b7169203331-01",
	} {
		_, _, known := ParseParent(bad)
		require.False(t, known, bad)
	}
}

func TestWhatIsOffDoesNothing(t *testing.T) {
	t.Parallel()
	var none *Tracer
	s := none.Begin("x", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	s.SetInt("a", 1)
	s.Child("y", Internal, time.Now()).End(nil)
	none.Alone("w", time.Now()).End(nil)
	none.Continue("z", s.Context(), time.Now()).End(errors.New("x"))
	require.Nil(t, s.Context())
	require.NoError(t, none.Close())
}

// TestCollectorThatTakesNothingHoldsUpNobody: spans are dropped and counted, and as many
// requests are traced as was asked for.
func TestCollectorThatTakesNothingHoldsUpNobody(t *testing.T) {
	t.Parallel()
	hold, asked := make(chan struct{}), atomic.Int64{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		<-hold
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	t.Cleanup(srv.Close)
	registry := prometheus.NewRegistry()
	tracer, err := New(Config{URL: srv.URL, Ratio: 0.5, Registerer: registry})
	require.NoError(t, err)
	traced := 0
	const requests = 4 * (queueSpans + batchSpans)
	for range requests {
		if s := tracer.Begin("x", ""); s != nil {
			traced++
			s.End(nil)
		}
	}
	require.InDelta(t, requests/2, traced, requests/10)
	alone := 0
	for range requests {
		if tracer.Alone("x", time.Now()) != nil {
			alone++
		}
	}
	require.InDelta(t, requests/2, alone, requests/10, "of what nobody knows the same share is traced")
	require.GreaterOrEqual(t, testutil.ToFloat64(tracer.dropped), float64(traced-queueSpans-batchSpans))
	close(hold)
	require.NoError(t, tracer.Close())
	require.LessOrEqual(t, asked.Load(), int64(queueSpans/batchSpans+2))
}
