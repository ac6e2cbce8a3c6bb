// Package nginxtest has only tests: streams through a real Nginx with the
// configuration of the folder nginx, as operators install it. Each of the classic
// traps of Server-Sent Events behind a proxy is shown with the setting that leads
// into it, and gone with ours.
package nginxtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestSetupFitsTheVersionOfNginx: what to listen on is written differently from
// version to version, and HTTP/3 is there only where it is asked for and built in.
func TestSetupFitsTheVersionOfNginx(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		about string // what nginx -V says
		http3 string
		has   []string
		lacks []string
	}{
		"Debian 12":           {"nginx version: nginx/1.22.1", "off", []string{"listen 8443 ssl http2 "}, []string{"http2 on;", "quic"}},
		"with a directive":    {"nginx version: nginx/1.26.3\nconfigure arguments: --with-http_v3_module", "off", []string{"listen 8443 ssl ", "http2 on;"}, []string{"ssl http2", "quic", "Alt-Svc"}},
		"with HTTP/3":         {"nginx version: nginx/1.26.3\nconfigure arguments: --with-http_v3_module", "on", []string{"listen 8443 quic reuseport;", `Alt-Svc 'h3=":443"`}, []string{"quic reuseport so_keepalive"}},
		"HTTP/3 not built in": {"nginx version: nginx/1.26.3", "on", []string{"http2 on;"}, []string{"quic", "Alt-Svc"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			fakeNginx(t, dir, "echo '"+c.about+"' >&2")
			cmd := exec.Command("sh", filepath.Join(scripts, "setup"), dir)
			cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "EDGE_MODE=plain", "EDGE_HTTP3="+c.http3,
				"EDGE_HTTP_PORT=8080", "EDGE_HTTPS_PORT=8443", "EDGE_SERVER_NAME=_", "EDGE_CERTIFICATE=c", "EDGE_CERTIFICATE_KEY=k")
			out, err := cmd.CombinedOutput()
			require.NoError(t, err, "%s", out)
			listen, err := os.ReadFile(filepath.Join(dir, "bellhop/listen-tls.conf"))
			require.NoError(t, err)
			for _, text := range c.has {
				require.Contains(t, string(listen), text)
			}
			for _, text := range c.lacks {
				require.NotContains(t, string(listen), text)
			}
		})
	}
}

// fakeNginx puts a script in dir that stands in for the program.
func fakeNginx(t *testing.T, dir, script string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "nginx"), []byte("#!/bin/sh\n"+script+"\n"), 0o700))
}
