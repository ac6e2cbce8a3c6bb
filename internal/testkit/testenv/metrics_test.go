package testenv_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

func TestMetricsAreReadBySample(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "# HELP a Two words.\n# TYPE a counter\na 3\nb{reason=\"two words\"} 2.5e+06\nc NaN\n")
	}))
	t.Cleanup(srv.Close)
	p := testenv.Program{AdminURL: srv.URL}
	got := p.Metrics(t)
	require.Len(t, got, 3)
	require.InDelta(t, 3, got["a"], 0)
	require.InDelta(t, 2.5e6, got[`b{reason="two words"}`], 0)
	require.Contains(t, got, "c")
}
