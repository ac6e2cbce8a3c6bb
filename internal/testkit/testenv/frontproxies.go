package testenv

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// FrontProxy is a reverse proxy of somebody else's, with a whole configuration that
// listens on Addr.
type FrontProxy struct {
	server

	config string
	reload func() error
}

// HAProxy starts an HAProxy. configure is called with the address to listen on and
// returns its configuration.
func HAProxy(tb testing.TB, configure func(listen string) string) *FrontProxy {
	tb.Helper()
	p := newFrontProxy(tb, "haproxy", "haproxy.cfg", configure)
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
	p := newFrontProxy(tb, "caddy", "Caddyfile", func(listen string) string {
		return "{\n\tadmin " + admin + "\n}\n" + configure(listen)
	})
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

func newFrontProxy(tb testing.TB, name, file string, configure func(listen string) string) *FrontProxy {
	tb.Helper()
	p := &FrontProxy{server: newServer(tb, name)}
	p.config = filepath.Join(p.dir, file)
	p.process.orphaned = syscall.SIGTERM // its worker would outlive a master that is killed
	require.NoError(tb, os.WriteFile(p.config, []byte(configure(p.Addr)), 0o600))
	tb.Cleanup(p.Kill)
	return p
}

// URL is the address of the proxy, "http://127.0.0.1:80".
func (p *FrontProxy) URL() string { return "http://" + p.Addr }

// Reload has the proxy read its configuration again.
func (p *FrontProxy) Reload() {
	p.tb.Helper()
	require.NoError(p.tb, p.reload())
}
