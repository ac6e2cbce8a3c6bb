package testenv

import (
	"context"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Metrics reads what the program counts now: values by sample, a name with its
// labels as /metrics writes them, such as `bellhop_streams_ended_total{reason="slow"}`.
// A counter with labels that never counted is not there.
func (p *Program) Metrics(tb testing.TB) map[string]float64 {
	tb.Helper()
	text, err := get(context.Background(), 5*time.Second, p.AdminURL+"/metrics")
	require.NoError(tb, err)
	samples := map[string]float64{}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		// Labels may hold blanks; a value does not, and no sample of ours has a time.
		line = strings.TrimSuffix(line, "\n")
		end := strings.LastIndexByte(line, ' ')
		require.Positive(tb, end, line)
		samples[line[:end]], err = strconv.ParseFloat(line[end+1:], 64)
		require.NoError(tb, err, line)
	}
	return samples
}
