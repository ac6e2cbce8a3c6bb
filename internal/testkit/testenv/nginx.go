package testenv

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"text/template"

	"github.com/stretchr/testify/require"
)

// NginxServer is a private Nginx. Its Addr is what the configuration calls
// {{.Listen}}.
type NginxServer struct {
	server
	// Dir holds nginx.conf and may hold whatever that includes.
	Dir string
}

// Nginx starts an Nginx with a whole configuration, main context included. conf is
// a text/template; beside the given values it knows {{.Listen}}, the address to
// listen on, and {{.Dir}}, a directory of its own for files and logs (relative
// paths begin there). What it must not set is `daemon` and `pid`. When the test
// ends, it fails if a token stands in one of the logs.
func Nginx(tb testing.TB, conf string, values map[string]any) *NginxServer {
	tb.Helper()
	s := &NginxServer{server: newServer(tb, "nginx")}
	s.Dir = s.dir
	// As root, Nginx runs its workers as another user, who has to get in.
	require.NoError(tb, os.Chmod(s.dir, 0o755))
	s.process.args = []string{
		"-p", s.dir, "-c", filepath.Join(s.dir, "nginx.conf"), "-e", "stderr",
		"-g", "daemon off; pid " + filepath.Join(s.dir, "nginx.pid") + ";",
	}
	s.process.orphaned = syscall.SIGTERM // its workers would outlive a master that is killed
	s.Configure(conf, values)
	tb.Cleanup(func() {
		s.Kill()
		searchFiles(tb, s.dir, nil)
	})
	s.Start()
	return s
}

// URL is the address of the server, "http://127.0.0.1:80".
func (s *NginxServer) URL() string { return "http://" + s.Addr }

// Configure writes the configuration anew, for Reload to read.
func (s *NginxServer) Configure(conf string, values map[string]any) {
	s.tb.Helper()
	t, err := template.New("nginx.conf").Option("missingkey=error").Parse(conf)
	require.NoError(s.tb, err)
	all := map[string]any{"Listen": s.Addr, "Dir": s.Dir}
	maps.Copy(all, values)
	var b strings.Builder
	require.NoError(s.tb, t.Execute(&b, all))
	require.NoError(s.tb, os.WriteFile(filepath.Join(s.Dir, "nginx.conf"), []byte(b.String()), 0o600))
}

// Reload has Nginx read its configuration again. New workers take over soon after;
// the old ones go on with what they have.
func (s *NginxServer) Reload() {
	s.tb.Helper()
	require.NoError(s.tb, s.process.signal(syscall.SIGHUP, false))
}

// Output is the end of what Nginx has printed, its error log in the main.
func (s *NginxServer) Output() string { return s.process.tail() }
