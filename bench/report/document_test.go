package report

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const skeleton = `# Performance

<!-- begin deliveries -->
old
<!-- end deliveries -->
between
<!-- begin streams -->
<!-- end streams -->
<!-- begin latency -->
old
<!-- end latency -->
<!-- begin posts -->
old
<!-- end posts -->
<!-- begin connects -->
old
<!-- end connects -->
after
`

func measured() *Figures {
	return &Figures{
		Deliveries: &Deliveries{
			Streams: 10000, Rounds: 9, Machine: "a machine",
			Kinds:  []Kind{{Name: "raw loop", CPU: 13, User: 0.2}, {Name: "gateway, one channel", CPU: 13.6, User: 0.8, Ratio: 1.046, Ratios: Range{0.98, 1.1}, Allocs: 0.004, Ours: true}},
			Memory: map[string]float64{Textbook: 27400},
		},
		Posts: &Posts{Rounds: 3, Machine: "a machine", Kinds: []PostKind{
			{Name: "notifier", Rate: 3000, CPU: 120e-6, Bare: 60e-6, Ratio: 2, Ratios: Range{1.9, 2.2}, Allocs: 99.6, P50: 0.004, P99: 0.009},
		}},
		Streams: &Streams{
			Streams: 15000, Rounds: 3, Machine: "a machine", Came: 2900, Settled: 1234, Connect: 2.5, Half: 0.04, All: 0.11, Return: 3.5,
			SettledRange: Range{1111, 2345},
			Idle:         40, IdleCPU: 0.4, IdleCPURange: Range{0.2, 0.8}, Rate: 2000, Events: 60000,
			Latency: []Delay{{Name: "POST to receipt", P50: 0.0043, P90: 0.0086, P99: 0.0164, P999: 0.0297}},
		},
		Connects: &Connects{
			Clients: 15000, Rounds: 3, Machine: "a machine",
			Ways: []Way{{Name: "all at once", CPU: 100e-6, Bare: 50e-6, Ratio: 2, Ratios: Range{1.9, 2.2}, Allocs: 99.6}},
			Live: []Delay{{Name: "alone", P50: 0.004, P90: 0.005, P99: 0.009, P999: 1.5}},
		},
	}
}

func TestDocumentGetsTablesAndCharts(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	document := filepath.Join(dir, "performance.md")
	require.NoError(t, os.WriteFile(document, []byte(skeleton), 0o600))
	for range 2 { // the second time over what the first one wrote
		require.NoError(t, measured().Write(document))
		text, err := os.ReadFile(document)
		require.NoError(t, err)
		s := string(text)
		require.Contains(t, s, "| raw loop | 13.0 | 0.20 | 1 |  |\n")
		require.Contains(t, s, "| **gateway, one channel** | 13.6 | 0.80 | **1.05** (0.98 to 1.10) | 0.004 |\n")
		require.Contains(t, s, "| memory of a stream, settled | **1.2 KB** (1.1 to 2.3) (the textbook handler: 27.4 KB) |\n")
		require.Contains(t, s, "| idle, a heartbeat every 20 s | 1.00 % of a core (0.50 to 2.00) |\n")
		require.Contains(t, s, "| POST to receipt | 4.3 ms | 8.6 ms | 16.4 ms | 29.7 ms |\n")
		require.Contains(t, s, "| notifier | 3,000 | 120 | **2.00** (1.90 to 2.20) | 100 | 4.0 ms | 9.0 ms |\n")
		require.Contains(t, s, "| all at once | 1.00 | 0.50 | **2.00** (1.90 to 2.20) | 100 |\n")
		require.Contains(t, s, "| alone | 4.0 ms | 5.0 ms | 9.0 ms | 1.5 s |\n")
		require.Contains(t, s, "15,000")
		require.NotContains(t, s, "old")
		require.Contains(t, s, "between\n")
		require.True(t, strings.HasSuffix(s, "after\n"))
		require.Equal(t, 5, strings.Count(s, "<!-- end "))
	}
	for _, name := range []string{deliveryChart, memoryChart, latencyChart} {
		svg, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		rects, texts := parse(t, svg)
		require.NotEmpty(t, rects)
		require.NotEmpty(t, texts)
	}
}

// TestDocumentKeepsWhatWasNotMeasured: one part can be measured without the other.
func TestDocumentKeepsWhatWasNotMeasured(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	document := filepath.Join(dir, "performance.md")
	require.NoError(t, os.WriteFile(document, []byte(skeleton), 0o600))
	f := measured()
	f.Deliveries = nil
	require.NoError(t, f.Write(document))
	text, err := os.ReadFile(document)
	require.NoError(t, err)
	require.Contains(t, string(text), "<!-- begin deliveries -->\nold\n")
	require.Contains(t, string(text), "| memory of a stream, settled | **1.2 KB** (1.1 to 2.3) |\n")
	require.NoFileExists(t, filepath.Join(dir, deliveryChart))
}

func TestDocumentNeedsMarkers(t *testing.T) {
	t.Parallel()
	document := filepath.Join(t.TempDir(), "performance.md")
	require.ErrorIs(t, measured().Write(document), os.ErrNotExist)
	for _, part := range []string{"deliveries", "streams", "latency", "posts", "connects"} {
		for _, marker := range []string{"begin ", "end "} {
			broken := strings.Replace(skeleton, "<!-- "+marker+part+" -->", "", 1)
			require.NoError(t, os.WriteFile(document, []byte(broken), 0o600))
			require.ErrorIs(t, measured().Write(document), ErrMarkers)
			text, err := os.ReadFile(document)
			require.NoError(t, err)
			require.Equal(t, broken, string(text), "nothing was written")
		}
	}
}

func TestFiguresAreKept(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "performance.json")
	f, err := Load(file)
	require.NoError(t, err, "there are none yet")
	require.Nil(t, f.Deliveries)
	require.NoError(t, measured().Save(file))
	f, err = Load(file)
	require.NoError(t, err)
	require.Equal(t, measured(), f)

	require.NoError(t, os.WriteFile(file, []byte("{"), 0o600))
	_, err = Load(file)
	require.ErrorContains(t, err, "figures")
	require.ErrorContains(t, f.Save(filepath.Join(file, "below")), "figures")
}

// One round differs from nothing.
func TestOneRoundHasNoRange(t *testing.T) {
	t.Parallel()
	f := measured()
	f.Deliveries.Rounds, f.Streams.Rounds = 1, 1
	for _, table := range []string{f.Deliveries.table(), f.Streams.table(nil)} {
		require.Contains(t, table, "One round, ")
		require.NotContains(t, table, "(")
		require.NotContains(t, table, "rackets")
	}
	f.Deliveries.Rounds, f.Deliveries.Kinds[1].Ratios = 3, Range{} // as older files have it
	require.Contains(t, f.Deliveries.table(), "| **1.05** | 0.004 |")
}

func TestMeanAndRange(t *testing.T) {
	t.Parallel()
	require.Zero(t, Mean(nil))
	require.InDelta(t, 2, Mean([]float64{3, 1, 2}), 0)
	require.Zero(t, RangeOf(nil))
	require.Equal(t, Range{1, 3}, RangeOf([]float64{3, 1, 2}))
}

func TestMedian(t *testing.T) {
	t.Parallel()
	require.Zero(t, Median(nil))
	require.InDelta(t, 2, Median([]float64{3, 1, 2}), 0)
	v := []float64{4, 1, 3, 2}
	require.InDelta(t, 2.5, Median(v), 0)
	require.Equal(t, []float64{4, 1, 3, 2}, v, "it does not sort what it was given")
}
