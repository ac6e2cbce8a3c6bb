package notifier

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/internal/tracing"
)

// BenchmarkTracing publishes at three notifiers in turns, over a log that costs nothing:
// one without tracing, one that traces a hundredth, and after these one that traces all. An
// op is a turn of each; compare the times of an event.
func BenchmarkTracing(b *testing.B) {
	collector := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer collector.Close()
	const each = 2000
	in := &publishInput{RawBody: []byte(`{"channels":["user:1"],"type":"comment","data":` + string(benchData) + `}`)}
	keys, err := auth.ParseServiceKeys("bench=0123456789abcdef")
	require.NoError(b, err)
	service, _ := keys.Verify("0123456789abcdef")
	ctx := context.WithValue(b.Context(), serviceKey{}, service)
	var notifiers []*Notifier
	for _, ratio := range []float64{-1, 0.01, 1} {
		c := Config{Log: &fakeLog{}, Bus: &fakeBus{}, Policies: auth.Builtin(), Logger: quiet()}
		if ratio >= 0 {
			tracer, err := tracing.New(tracing.Config{URL: collector.URL, Ratio: ratio, Logger: quiet()})
			require.NoError(b, err)
			defer tracer.Close()
			c.Tracer = tracer
		}
		n, err := New(c)
		require.NoError(b, err)
		require.NoError(b, n.Start(b.Context()))
		defer n.Stop()
		notifiers = append(notifiers, n)
	}
	took := make([]time.Duration, len(notifiers))
	turn := func(i int) {
		began := time.Now()
		for range each {
			if _, err := notifiers[i].publish(ctx, in); err != nil {
				b.Fatal(err)
			}
		}
		took[i] += time.Since(began)
	}
	for round := range b.N { // either is as often the first
		turn(round % 2)
		turn(1 - round%2)
	}
	for range b.N { // by itself: what it leaves to be sent would burden the others
		turn(2)
	}
	for i, name := range []string{"off", "1%", "all"} {
		b.ReportMetric(float64(took[i].Nanoseconds())/float64(b.N*each), name+"-ns/event")
	}
	b.ReportMetric(took[1].Seconds()/took[0].Seconds(), "1%/off")
}
