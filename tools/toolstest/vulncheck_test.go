// Package toolstest tries the shell scripts of the folder above.
package toolstest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// vulncheck runs the script with a govulncheck of this body.
func vulncheck(t *testing.T, body string) (string, error) {
	t.Helper()
	fake := filepath.Join(t.TempDir(), "govulncheck")
	require.NoError(t, os.WriteFile(fake, []byte("#!/bin/sh\n"+body), 0o700))
	out, err := exec.CommandContext(t.Context(), "sh", "../vulncheck", fake, "./...").CombinedOutput()
	return string(out), err
}

func TestAVulnerabilityFails(t *testing.T) {
	out, err := vulncheck(t, "echo 'Vulnerability #1: GO-2026-0001'; exit 3")
	require.Error(t, err)
	require.Equal(t, "Vulnerability #1: GO-2026-0001\n", out)
}

func TestAPackageThatDoesNotLoadFails(t *testing.T) {
	out, err := vulncheck(t, "echo 'govulncheck: loading packages: none' >&2; exit 1")
	require.Error(t, err)
	require.Contains(t, out, "none")
}

func TestADatabaseOutOfReachIsSaidInOneLine(t *testing.T) {
	out, err := vulncheck(t, "printf 'govulncheck: fetching vulnerabilities: Get \"https://vuln.go.dev/x\": no such host\\nmore\\n' >&2; exit 1")
	require.NoError(t, err)
	require.Equal(t, "Not checked for known vulnerabilities: Get \"https://vuln.go.dev/x\": no such host\n", out)
}

func TestNothingFoundIsSilent(t *testing.T) {
	out, err := vulncheck(t, "echo 'No vulnerabilities found.'")
	require.NoError(t, err)
	require.Empty(t, out)
}
