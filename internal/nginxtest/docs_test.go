package nginxtest

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"
)

const (
	operations = "../../docs/operations.md"
	alerts     = "../../docker/prometheus/alerts.yml"
	dashboard  = "../../docker/grafana/bellhop.json"
)

// TestOperationsNamesTestsThatThereAre: each trap of docs/operations.md is proven
// by a test.
func TestOperationsNamesTestsThatThereAre(t *testing.T) {
	t.Parallel()
	there, err := exec.Command("grep", "-rhoE", "^func Test[A-Za-z0-9]+", "--include=*_test.go", ".", "../e2e").Output()
	require.NoError(t, err)
	named := regexp.MustCompile("`(Test\\w+)`").FindAllStringSubmatch(read(t, operations), -1)
	require.NotEmpty(t, named)
	for _, m := range named {
		require.Contains(t, string(there), "func "+m[1]+"\n")
	}
}

// TestOperationsQuotesWhatIsLogged: an operator looks for a message by its words.
func TestOperationsQuotesWhatIsLogged(t *testing.T) {
	t.Parallel()
	source := programs(t)
	_, table, _ := strings.Cut(read(t, operations), "## When something breaks")
	table, _, _ = strings.Cut(table, "\n## ")
	table = regexp.MustCompile("`[^`]*`").ReplaceAllString(table, "")
	quoted := regexp.MustCompile(`"([^"]+?)(?: \.\.\.)?"`).FindAllStringSubmatch(table, -1)
	require.NotEmpty(t, quoted)
	for _, m := range quoted {
		if m[1] != "host not found in upstream" { // Nginx says that
			require.Contains(t, source, `"`+m[1])
		}
	}
}

// TestAlertsThatAreNamedExist in the file, and the other way round where an alert
// stands for a trouble of the table.
func TestAlertsThatAreNamedExist(t *testing.T) {
	t.Parallel()
	var file struct {
		Groups []struct {
			Rules []struct {
				Alert, Expr string
				Annotations struct{ Summary string }
			}
		}
	}
	require.NoError(t, yaml.Unmarshal([]byte(read(t, alerts)), &file))
	known := map[string]bool{}
	for _, rule := range file.Groups[0].Rules {
		known[rule.Alert] = true
		require.NotEmpty(t, rule.Expr, rule.Alert)
		require.NotEmpty(t, rule.Annotations.Summary, rule.Alert)
	}
	named := regexp.MustCompile("alert `(\\w+)`").FindAllStringSubmatch(read(t, operations), -1)
	require.NotEmpty(t, named)
	for _, m := range named {
		require.True(t, known[m[1]], m[1])
	}
}

// TestMetricsThatAreNamedExist: a query for a metric that was renamed shows
// nothing, and an alert on it never comes.
func TestMetricsThatAreNamedExist(t *testing.T) {
	t.Parallel()
	source := programs(t)
	for _, page := range []string{operations, alerts, dashboard} {
		named := regexp.MustCompile(`\bbellhop_[a-z0-9_]+`).FindAllString(read(t, page), -1)
		require.NotEmpty(t, named)
		for _, name := range named {
			name = strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_count")
			// A name may be written in one piece, or without namespace and subsystem.
			_, rest, _ := strings.Cut(name, "_")
			_, last, _ := strings.Cut(rest, "_")
			require.True(t, strings.Contains(source, `"`+name+`"`) || strings.Contains(source, `"`+rest+`"`) || strings.Contains(source, `"`+last+`"`),
				"%s of %s", name, page)
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	return string(b)
}

// programs is the source of all that is no test.
func programs(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	err := filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		b, err := os.ReadFile(path)
		all.Write(b)
		return err
	})
	require.NoError(t, err)
	return all.String()
}
