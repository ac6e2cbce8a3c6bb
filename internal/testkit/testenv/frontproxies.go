package testenv

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"text/template"

	"github.com/stretchr/testify/require"
)

// FrontProxy is a reverse proxy of somebody else's, with a whole configuration that
// listens on Addr.
type FrontProxy struct {
	*server

	config string
	reload func() error
}

// HAProxy starts an HAProxy. configure is called with the address to listen on and
// returns its configuration.
func HAProxy(tb testing.TB, configure func(listen string) string) *FrontProxy {
	tb.Helper()
	p := newFrontProxy(tb, "haproxy", "haproxy.cfg")
	p.write(configure(p.Addr))
	p.process.args = []string{"-W", "-db", "-f", p.config}
	// The master starts another worker; the old one goes on with what it has.
	p.reload = func() error { return p.process.signal(syscall.SIGUSR2, false) }
	p.Start()
	return p
}

// Caddy starts a Caddy. configure is called with the address to listen on and returns
// its Caddyfile.
func Caddy(tb testing.TB, configure func(listen string) string) *FrontProxy {
	tb.Helper()
	admin := newPort(tb).addr()
	p := newFrontProxy(tb, "caddy", "Caddyfile")
	p.write("{\n\tadmin " + admin + "\n}\n" + configure(p.Addr))
	p.process.args = []string{"run", "--config", p.config, "--adapter", "caddyfile"}
	p.process.env = []string{"XDG_DATA_HOME=" + p.dir, "XDG_CONFIG_HOME=" + p.dir}
	p.reload = func() error {
		cmd := exec.Command(p.process.path, "reload", "--force", "--config", p.config, "--adapter", "caddyfile", "--address", admin)
		cmd.Env = append(os.Environ(), p.process.env...)
		return cmd.Run()
	}
	p.Start()
	return p
}

func newFrontProxy(tb testing.TB, name, file string) *FrontProxy {
	tb.Helper()
	p := &FrontProxy{server: newServer(tb, name)}
	p.config = filepath.Join(p.dir, file)
	p.process.orphaned = syscall.SIGTERM // its workers would outlive a master that is killed
	return p
}

func (p *FrontProxy) write(config string) {
	p.tb.Helper()
	require.NoError(p.tb, os.WriteFile(p.config, []byte(config), 0o600))
}

// URL is the address of the proxy, "http://127.0.0.1:80".
func (p *FrontProxy) URL() string { return "http://" + p.Addr }

// Reload has the proxy read its configuration again.
func (p *FrontProxy) Reload() {
	p.tb.Helper()
	require.NoError(p.tb, p.reload())
}

// NginxServer is a private Nginx. Its Addr is what the configuration calls
// {{.Listen}}. After Reload new workers take over soon; the old ones go on with what they
// have.
type NginxServer struct {
	*FrontProxy
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
	s := &NginxServer{FrontProxy: newFrontProxy(tb, "nginx", "nginx.conf")}
	s.Dir = s.dir
	// As root, Nginx runs its workers as another user, who has to get in.
	require.NoError(tb, os.Chmod(s.dir, 0o755))
	s.process.args = []string{
		"-p", s.dir, "-c", s.config, "-e", "stderr", "-g", "daemon off; pid " + filepath.Join(s.dir, "nginx.pid") + ";",
	}
	s.reload = func() error { return s.process.signal(syscall.SIGHUP, false) }
	s.Configure(conf, values)
	tb.Cleanup(func() {
		s.Kill()
		searchFiles(tb, s.dir, nil)
	})
	s.Start()
	return s
}

// Configure writes the configuration anew, for Reload to read.
func (s *NginxServer) Configure(conf string, values map[string]any) {
	s.tb.Helper()
	t, err := template.New("nginx.conf").Option("missingkey=error").Parse(conf)
	require.NoError(s.tb, err)
	all := map[string]any{"Listen": s.Addr, "Dir": s.Dir}
	maps.Copy(all, values)
	var b strings.Builder
	require.NoError(s.tb, t.Execute(&b, all))
	s.write(b.String())
}

// Output is the end of what Nginx has printed, its error log in the main.
func (s *NginxServer) Output() string { return s.process.tail() }
