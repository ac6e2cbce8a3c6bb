package app

import (
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/cmd/internal/config"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

var update = flag.Bool("update", false, "write the table of metrics into docs/operations.md")

const (
	metricsPage  = "../../../docs/operations.md"
	metricsBegin = "<!-- metrics: written by `go test ./cmd/internal/app -run MetricsOfTheDocs -update` -->\n"
	metricsEnd   = "<!-- end of metrics -->\n"
)

var (
	description = regexp.MustCompile(`^Desc\{fqName: "([^"]+)", help: ("(?:[^"\\]|\\.)*"), .*constLabels: \{([^}]*)\}, variableLabels: \{([^}]*)\}\}$`)
	constLabel  = regexp.MustCompile(`="[^"]*"`)
)

// TestMetricsOfTheDocsAreThoseOfTheCode: the table has every metric of Bellhop's own, and
// names follow Prometheus' conventions.
func TestMetricsOfTheDocsAreThoseOfTheCode(t *testing.T) {
	t.Parallel()
	rows := map[string][]string{} // name: labels, programs, help
	// Nothing is asked of the servers before Run.
	h := house{primary: "u:p@tcp(127.0.0.1:1)/bellhop", replica: "u:p@tcp(127.0.0.1:2)/bellhop", redis: "redis://127.0.0.1:1"}
	environ := h.environ("BELLHOP_TRACES_URL=http://127.0.0.1:1/v1/traces", "BELLHOP_OUTBOX=u:p@tcp(127.0.0.1:3)/shop")
	describe := func(program string, s *Service, err error) {
		require.NoError(t, err)
		defer func() { require.NoError(t, s.Close()) }()
		descriptions := make(chan *prometheus.Desc)
		go func() { s.registry.Describe(descriptions); close(descriptions) }()
		for d := range descriptions {
			m := description.FindStringSubmatch(d.String())
			require.NotNil(t, m, d)
			var help string
			_, err := fmt.Sscanf(m[2], "%q", &help)
			require.NoError(t, err)
			switch row := rows[m[1]]; {
			case !strings.HasPrefix(m[1], "bellhop_"): // Go's and the process's own
			case row == nil:
				rows[m[1]] = []string{constLabel.ReplaceAllString(m[3], "") + m[4], program, help}
			case !strings.HasSuffix(row[1], program): // or it is another value of a label
				row[1] += ", " + program
			}
		}
	}
	var gateway config.Gateway
	_, err := config.Parse(&gateway, nil, environ, io.Discard)
	require.NoError(t, err)
	s, err := NewGateway(t.Context(), &gateway, testenv.Logger(t))
	describe("gateway", s, err)
	var notifier config.Notifier
	_, err = config.Parse(&notifier, nil, environ, io.Discard)
	require.NoError(t, err)
	s, err = NewNotifier(t.Context(), &notifier, testenv.Logger(t))
	describe("notifier", s, err)

	var table strings.Builder
	table.WriteString("\n| metric | labels | of | meaning |\n|---|---|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(rows)) {
		row := rows[name]
		labels := strings.ReplaceAll(row[0], ",", ", ")
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s |\n", name, labels, row[1], row[2])
		problems, err := promlint.NewWithMetricFamilies([]*dto.MetricFamily{{Name: &name, Help: &row[2]}}).Lint()
		require.NoError(t, err)
		for _, p := range problems {
			if !strings.Contains(p.Text, `"_total"`) { // of counters, whose kind a description does not tell
				require.Fail(t, p.Text, name)
			}
		}
	}
	table.WriteString("\n")
	text, err := os.ReadFile(metricsPage)
	require.NoError(t, err)
	before, rest, ok := strings.Cut(string(text), metricsBegin)
	require.True(t, ok, "the page has no place for the table")
	is, after, ok := strings.Cut(rest, metricsEnd)
	require.True(t, ok)
	if *update {
		require.NoError(t, os.WriteFile(metricsPage, []byte(before+metricsBegin+table.String()+metricsEnd+after), 0o600))
		return
	}
	require.Equal(t, table.String(), is, "run go test ./cmd/internal/app -run MetricsOfTheDocs -update")
}
