package testenv

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Alert is one look at rules of Prometheus: what is recorded, every five seconds, and
// which of the alerts fire after a while.
type Alert struct {
	Series map[string]string // as promtool writes values: "0+1x60"
	After  string            // "5m"
	Only   string            // an alert to look at alone; empty: at all
	Fires  []string
}

// Alerts has promtool play what is recorded against the rules of a file, which must fire
// as said.
func Alerts(tb testing.TB, rules string, looks ...Alert) {
	tb.Helper()
	rules, err := filepath.Abs(rules)
	require.NoError(tb, err)
	var b strings.Builder
	fmt.Fprintf(&b, "rule_files: [%q]\ntests:\n", rules)
	for _, l := range looks {
		b.WriteString("  - interval: 5s\n    input_series:\n")
		for series, values := range l.Series {
			fmt.Fprintf(&b, "      - {series: %q, values: %q}\n", series, values)
		}
		only := ""
		if l.Only != "" {
			only = fmt.Sprintf(", alertname=%q", l.Only)
		}
		fmt.Fprintf(&b, "    promql_expr_test:\n      - expr: %q\n        eval_time: %s\n        exp_samples:\n",
			`group by (alertname) (ALERTS{alertstate="firing"`+only+`})`, l.After)
		for _, name := range l.Fires {
			fmt.Fprintf(&b, "          - {labels: '{alertname=%q}', value: 1}\n", name)
		}
	}
	path := filepath.Join(tb.TempDir(), "alerts_test.yml")
	require.NoError(tb, os.WriteFile(path, []byte(b.String()), 0o600))
	out, err := exec.Command("promtool", "test", "rules", path).CombinedOutput()
	require.NoError(tb, err, "%s\n%s", out, &b)
}
