package nginxtest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

const (
	signingKey = "0123456789abcdef0123456789abcdef"
	serviceKey = "a-service-key-behind-nginx"

	// waitFor bounds what happens soon, and tick is how often it is looked for.
	waitFor = 20 * time.Second
	tick    = 20 * time.Millisecond
)

func TestMain(m *testing.M) { testenv.Main(m) }

// scripts is the folder of Nginx's configuration.
var scripts = filepath.Join("..", "..", "nginx")

// edge is an Nginx that was installed as operators do it.
type edge struct {
	*testenv.NginxServer
	services, status string // host:port
	env              []string
}

// change is one string of a file of the configuration and what to put there.
type change struct{ file, old, new string }

// newEdge installs and starts Nginx in front of gateways, host:port each, with
// further settings. Changes are made to what was installed.
func newEdge(t *testing.T, gateways []string, settings []string, changes ...change) *edge {
	t.Helper()
	s := testenv.Nginx(t, "events {}\nhttp { access_log off; server { listen {{.Listen}}; } }", nil)
	_, port, err := net.SplitHostPort(s.Addr)
	require.NoError(t, err)
	// Whoever has the port on one loopback address has it on all of them.
	e := &edge{NginxServer: s, services: "127.0.0.2:" + port, status: "127.0.0.3:" + port}
	e.env = append([]string{
		"EDGE_HTTP_PORT=" + s.Addr,
		"EDGE_SERVICES_LISTEN=" + e.services,
		"EDGE_STATUS_LISTEN=" + e.status,
		"EDGE_NOTIFIER=127.0.0.1:1", // nobody
		"EDGE_LOG_DIR=" + s.Dir,
		"EDGE_WORKERS=1",
		"EDGE_CONNECTIONS=4096",
		"EDGE_FILES=8192",
	}, settings...)
	e.install(t)
	e.upstream(t, "blue", gateways...)
	for _, c := range changes {
		path := filepath.Join(s.Dir, c.file)
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Contains(t, string(text), c.old)
		require.NoError(t, os.WriteFile(path, []byte(strings.Replace(string(text), c.old, c.new, 1)), 0o600))
	}
	// Not a reload: for a moment it leaves two generations of workers listening.
	s.Kill()
	s.Start()
	require.Eventually(t, func() bool { return e.colour(t) == "blue" }, waitFor, tick, "%s", s.Output())
	return e
}

// install writes the configuration.
func (e *edge) install(t *testing.T) {
	t.Helper()
	settings := filepath.Join(e.Dir, "settings.env")
	require.NoError(t, os.WriteFile(settings, []byte(strings.Join(e.env, "\n")+"\n"), 0o600))
	out, err := exec.Command("sh", filepath.Join(scripts, "install"), e.Dir, settings).CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// upstream writes the include that says where requests go.
func (e *edge) upstream(t *testing.T, colour string, gateways ...string) {
	t.Helper()
	conf, err := exec.Command("sh", append([]string{filepath.Join(scripts, "upstream"), colour}, gateways...)...).Output()
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(e.Dir, "bellhop/upstream/gateway.conf"), conf, 0o600))
}

// colour is that of the gateways that get new requests; empty if nobody says.
func (e *edge) colour(t *testing.T) string {
	t.Helper()
	resp, err := do(t, http.MethodGet, "http://"+e.status+"/colour", nil)
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// accessLog is what Nginx has written about requests so far.
func (e *edge) accessLog(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(e.Dir, "access.log"))
	require.NoError(t, err)
	return string(b)
}

// newBellhop starts a gateway and notifier in one process.
func newBellhop(t *testing.T, env ...string) *testenv.Program {
	t.Helper()
	return testenv.Run(t, testenv.Build(t, "./cmd/bellhop"), append([]string{
		"BELLHOP_SQLITE=" + filepath.Join(t.TempDir(), "bellhop.db"),
		"BELLHOP_JWT_SECRET=" + signingKey,
		"BELLHOP_SERVICE_KEYS=test=" + serviceKey,
	}, env...)...)
}

func addr(p *testenv.Program) string { return strings.TrimPrefix(p.URL, "http://") }

func token(user string) (string, error) {
	now := time.Now()
	return auth.SignToken(signingKey, auth.Claims{Subject: user, IssuedAt: now, Expires: now.Add(time.Hour)})
}

// publish has one event sent to a channel.
func publish(t *testing.T, base, channel string) {
	t.Helper()
	body := fmt.Sprintf(`{"channels":[%q],"type":"note","data":1}`, channel)
	resp, err := do(t, http.MethodPost, base+"/v1/events", []byte(body), "Authorization", "Bearer "+serviceKey, "Content-Type", "application/json")
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusCreated, resp.StatusCode)
}

// do sends a request with headers, name and value in turn, on a connection of its
// own.
func do(t *testing.T, method, url string, body []byte, headers ...string) (*http.Response, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, url, bytes.NewReader(body))
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	req.Close = true
	return http.DefaultClient.Do(req)
}
