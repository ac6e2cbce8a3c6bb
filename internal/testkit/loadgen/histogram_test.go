package loadgen

import (
	"encoding/json"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Every duration lies in its bucket, and buckets are narrow.
func TestBuckets(t *testing.T) {
	t.Parallel()
	for d := time.Duration(0); d < math.MaxInt64/2; d += d/10 + 777 {
		i := bucket(d)
		require.Less(t, i, buckets)
		require.GreaterOrEqual(t, upper(i), d)
		require.LessOrEqual(t, float64(upper(i)), float64(d)*(1+1.0/subs)+1000)
		if i > 0 {
			require.Less(t, upper(i-1), d)
		}
	}
}

func TestQuantiles(t *testing.T) {
	t.Parallel()
	var h, other Histogram
	require.Zero(t, h.Quantile(0.5))
	var exact []time.Duration
	for i := range 10_000 {
		d := time.Duration(i*i) * time.Microsecond
		exact = append(exact, d)
		if i%2 == 0 {
			h.Add(d)
		} else {
			other.Add(d)
		}
	}
	// The way of a worker's report.
	text, err := json.Marshal(other)
	require.NoError(t, err)
	var received Histogram
	require.NoError(t, json.Unmarshal(text, &received))
	h.Merge(received)
	require.EqualValues(t, len(exact), h.Count())
	slices.Sort(exact)
	for _, q := range []float64{0, 0.5, 0.9, 0.99, 0.999} {
		want := exact[int(q*float64(len(exact)))]
		require.InEpsilon(t, float64(want+time.Millisecond), float64(h.Quantile(q)+time.Millisecond), 0.02)
	}
	require.Equal(t, exact[len(exact)-1], h.Quantile(1))
	h.Add(-time.Second)
	require.Less(t, h.Quantile(0), 2*time.Microsecond, "clocks may differ")
}
