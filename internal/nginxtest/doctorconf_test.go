package nginxtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/doctor"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// TestDoctorReadsNginxConfiguration: of a configuration that a real Nginx takes, as it
// prints it and as it stands on the disk, each mistake is named. Ours has none.
func TestDoctorReadsNginxConfiguration(t *testing.T) {
	t.Parallel()
	tls := []string{"EDGE_MODE=tls", "EDGE_HTTPS_PORT=" + testenv.Address(t), "EDGE_CERTIFICATE=/nowhere/cert.pem", "EDGE_SERVER_NAME=bell.example"}
	for name, c := range map[string]struct {
		settings []string
		changes  []change
		http1    bool
		bad      string // empty: nothing
	}{
		"ours":            {},
		"ours with TLS":   {settings: tls},
		"HTTP/1.0":        {changes: heldBack[:1], bad: "speaks HTTP/1.0"},
		"buffering":       {changes: heldBack[1:], bad: "streams are buffered"},
		"compression":     {changes: []change{{site, "gzip off;", "gzip on; gzip_types text/event-stream;"}}, bad: "streams are compressed"},
		"read timeout":    {settings: []string{"EDGE_READ_TIMEOUT=30s"}, bad: "cuts a stream after 30s of silence"},
		"no read timeout": {changes: []change{{site, "proxy_read_timeout 75s;", "proxy_read_timeout 20;"}}, bad: "cuts a stream after 20s"},
		"HTTP/2 off":      {settings: tls, http1: true, bad: "HTTP/2 is off"},
		"no-transform":    {changes: []change{{site, "proxy_cache off;", "proxy_hide_header Cache-Control;"}}, bad: "no-transform may be lost"},
		"cursor":          {changes: []change{{site, "proxy_cache off;", `proxy_set_header Last-Event-ID "";`}}, bad: "Last-Event-ID is replaced"},
		"reloads":         {settings: []string{"EDGE_SHUTDOWN_TIMEOUT=90s"}, bad: "is 90s: every reload cuts streams"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEdge(t, []string{"127.0.0.1:1"}, c.settings, c.changes...)
			if c.http1 {
				e.withoutHTTP2(t)
			}
			out, err := exec.Command("nginx", "-T", "-p", e.Dir, "-c", filepath.Join(e.Dir, "nginx.conf"), "-e", "stderr").Output()
			require.NoError(t, err)
			printed := filepath.Join(t.TempDir(), "printed")
			require.NoError(t, os.WriteFile(printed, out, 0o600))
			for _, file := range []string{printed, filepath.Join(e.Dir, "nginx.conf")} {
				var bad []string
				for _, f := range doctor.Nginx(file, 20*time.Second, 30*time.Minute) {
					t.Log(f.What, f.Says)
					if !f.Good() {
						bad = append(bad, f.What+": "+f.Says)
					}
				}
				if c.bad == "" {
					require.Empty(t, bad)
				} else {
					require.Len(t, bad, 1)
					require.Contains(t, strings.Join(bad, ""), c.bad)
				}
			}
		})
	}
}
