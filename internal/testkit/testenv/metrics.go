package testenv

import (
	"bufio"
	"context"
	"net/http"
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
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.AdminURL+"/metrics", http.NoBody)
	require.NoError(tb, err)
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	require.NoError(tb, err)
	defer resp.Body.Close()
	require.Equal(tb, http.StatusOK, resp.StatusCode)
	samples := map[string]float64{}
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		// Labels may hold blanks; a value does not, and no sample of ours has a time.
		end := strings.LastIndexByte(lines.Text(), ' ')
		require.Positive(tb, end, lines.Text())
		value, err := strconv.ParseFloat(lines.Text()[end+1:], 64)
		require.NoError(tb, err, lines.Text())
		samples[lines.Text()[:end]] = value
	}
	require.NoError(tb, lines.Err())
	return samples
}
