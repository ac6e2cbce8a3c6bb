package bench

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/bellhop/bellhop/bench/report"
)

// publish keeps what was measured, beside what an earlier run measured of the
// rest, and writes it into the document, if there is one to write.
func publish(b *testing.B, change func(*report.Figures)) {
	b.Helper()
	document := os.Getenv(reportVariable)
	if document == "" {
		return
	}
	file := strings.TrimSuffix(document, filepath.Ext(document)) + ".json"
	f, err := report.Load(file)
	require.NoError(b, err)
	change(f)
	require.NoError(b, f.Save(file))
	require.NoError(b, f.Write(document))
	progressf("written: %s", document)
}

// machine describes where it was measured, without its name.
func machine(b *testing.B) string {
	b.Helper()
	cpu := runtime.GOARCH
	text, err := os.ReadFile("/proc/cpuinfo")
	if err == nil {
		for line := range strings.Lines(string(text)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				cpu = strings.TrimSpace(value)
				break
			}
		}
	}
	var system unix.Utsname
	require.NoError(b, unix.Uname(&system))
	release := strings.SplitN(unix.ByteSliceToString(system.Release[:]), ".", 3)
	return fmt.Sprintf("%d cores of an %s, Linux %s.%s, %s", runtime.NumCPU(), cpu, release[0], release[1],
		strings.Replace(runtime.Version(), "go", "Go ", 1))
}
