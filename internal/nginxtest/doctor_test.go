package nginxtest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// TestDoctorNamesWhatHoldsAStreamBack: each classic mistake in a real Nginx, and the
// lines that doctor stream has for it. It finds nothing wrong with ours.
func TestDoctorNamesWhatHoldsAStreamBack(t *testing.T) {
	t.Parallel()
	beating, silent := newBellhop(t, "BELLHOP_HEARTBEAT=1s"), newBellhop(t, "BELLHOP_HEARTBEAT=1m")
	believing := newBellhop(t, "BELLHOP_HEARTBEAT=1s", "BELLHOP_TRUSTED_PROXIES=127.0.0.0/8")
	const (
		buffered = "proxy_buffering on; proxy_ignore_headers X-Accel-Buffering;"
		zipped   = "gzip on; gzip_min_length 0; gzip_proxied any; gzip_types text/event-stream;"
	)
	secure := func() []string {
		return []string{"EDGE_MODE=tls", "EDGE_HTTPS_PORT=" + testenv.Address(t), "EDGE_CERTIFICATE=/nowhere/cert.pem", "EDGE_SERVER_NAME=bell.example"}
	}
	for name, c := range map[string]struct {
		gateway  *testenv.Program
		tls      bool
		http1    bool
		settings []string
		changes  []change
		wait     string
		bad      []string // what each bad line begins with
	}{
		"ours":          {gateway: beating, wait: "30s"},
		"ours with TLS": {gateway: believing, tls: true, wait: "30s"},
		"HTTP/1.0": {gateway: beating, changes: heldBack, wait: "3s", bad: []string{
			"HTTP version towards the gateway: HTTP/1.0", "first byte: none within 3s: a proxy buffers", "heartbeats: none",
		}},
		"HTTP/1.0 alone": {gateway: beating, changes: heldBack[:1], wait: "30s", bad: []string{"HTTP version towards the gateway: HTTP/1.0"}},
		// Nginx itself passes on at once what it buffers, unless one of the others joins in.
		"buffering alone": {gateway: beating, changes: []change{{site, "proxy_buffering off;", buffered}}, wait: "30s"},
		"compression": {gateway: beating, changes: []change{{site, "gzip off;", zipped}}, wait: "30s", bad: []string{
			"compression: a proxy compresses the stream (gzip)",
		}},
		"buffered compression": {gateway: beating, changes: []change{{site, "gzip off;", zipped}, {site, "proxy_buffering off;", buffered}}, wait: "3s", bad: []string{
			"compression: a proxy compresses the stream (gzip)", "first byte: none", "heartbeats: none",
		}},
		"read timeout": {gateway: silent, settings: []string{"EDGE_READ_TIMEOUT=2s"}, wait: "30s", bad: []string{"silence: the stream was cut after 2"}},
		"read timeout below two heartbeats": {gateway: newBellhop(t, "BELLHOP_HEARTBEAT=3s"), settings: []string{"EDGE_READ_TIMEOUT=4s"}, wait: "30s", bad: []string{
			"silence: the stream was cut after 4",
		}},
		"HTTP/2 off": {gateway: believing, tls: true, http1: true, wait: "30s", bad: []string{"HTTP version: HTTP/2 is off"}},
		"no-transform lost": {gateway: beating, changes: []change{{site, "proxy_cache off;", "proxy_hide_header Cache-Control; add_header Cache-Control no-cache;"}}, wait: "30s", bad: []string{
			`Cache-Control: is "no-cache", no-transform was lost`,
		}},
		"another type": {gateway: beating, changes: []change{{site, "proxy_cache off;", "proxy_hide_header Content-Type; add_header Content-Type text/plain;"}}, wait: "30s", bad: []string{
			`Content-Type: is "text/plain"`,
		}},
		"cursor lost":    {gateway: beating, changes: []change{{site, "proxy_cache off;", `proxy_set_header Last-Event-ID "";`}}, wait: "30s", bad: []string{"Last-Event-ID: does not"}},
		"proxy not told": {gateway: beating, tls: true, wait: "30s", bad: []string{"X-Forwarded-Proto: the gateway takes"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			settings := c.settings
			if c.tls {
				settings = append(secure(), settings...)
			}
			e := newEdge(t, []string{addr(c.gateway)}, settings, c.changes...)
			if c.http1 {
				e.withoutHTTP2(t)
			}
			url := e.URL()
			if c.tls {
				url = "https://" + strings.TrimPrefix(settings[1], "EDGE_HTTPS_PORT=")
			}
			bad := badLines(t, url, "--channel=topic:news", "--wait="+c.wait)
			require.Len(t, bad, len(c.bad))
			for i, begin := range c.bad {
				require.True(t, strings.HasPrefix(bad[i], begin), "%q: %q", begin, bad[i])
			}
		})
	}
}

// withoutHTTP2 takes HTTP/2 out of what Nginx listens with, however its version writes it.
func (e *edge) withoutHTTP2(t *testing.T) {
	t.Helper()
	path := filepath.Join(e.Dir, "bellhop/listen-tls.conf")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	without := strings.NewReplacer("ssl http2", "ssl", "http2 on;", "").Replace(string(text))
	require.NotEqual(t, string(text), without)
	require.NoError(t, os.WriteFile(path, []byte(without), 0o600))
	e.Kill()
	e.Start()
}

// badLines are what doctor stream says is bad, each without what to do. The exit
// status says whether there are any.
func badLines(t *testing.T, url string, args ...string) (bad []string) {
	t.Helper()
	cmd := exec.CommandContext(context.Background(), testenv.Build(t, "./cmd/gateway"), append([]string{"doctor", "stream", url, "--insecure"}, args...)...)
	out, err := cmd.Output()
	for line := range strings.Lines(string(out)) {
		t.Log(strings.TrimSpace(line))
		if said, found := strings.CutPrefix(line, "BAD   "); found {
			bad = append(bad, said)
		}
	}
	require.NotEmpty(t, out)
	require.Equal(t, len(bad) > 0, err != nil)
	return bad
}
