package nginxtest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestRenewedCertificateIsTakenUp: what certbot writes is found without anybody
// telling Nginx, and Nginx is reloaded for it once.
func TestRenewedCertificateIsTakenUp(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	// It stands in for nginx, but for the question what that was built with.
	const nginx = "#!/bin/sh\n[ \"$1\" != -V ] || { echo 'nginx version: nginx/1.26.3' >&2; exit; }\necho \"$*\" >>\"$CALLS\"\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "nginx"), []byte(nginx), 0o700))
	calls, certificate := filepath.Join(dir, "calls"), filepath.Join(dir, "fullchain.pem")
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "sh", filepath.Join(scripts, "renew"), dir)
	cmd.WaitDelay = time.Second // its sleep outlives it for a moment
	cmd.Env = append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "CALLS="+calls, "EDGE_RENEW_EVERY=0.1", "EDGE_MODE=tls",
		"EDGE_HTTP_PORT=80", "EDGE_HTTPS_PORT=443", "EDGE_SERVER_NAME=bell.example",
		"EDGE_CERTIFICATE="+certificate, "EDGE_CERTIFICATE_KEY="+filepath.Join(dir, "privkey.pem"))
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
	})
	called := func() string {
		b, err := os.ReadFile(calls)
		if err != nil {
			return ""
		}
		return string(b)
	}
	never(t, "a reload without a certificate", 500*time.Millisecond, func() bool { return called() != "" })
	require.NoError(t, os.WriteFile(certificate, []byte("a certificate"), 0o600))
	await(t, "the reload", func() bool { return strings.Contains(called(), "-t\n-s reload\n") })
	conf, err := os.ReadFile(filepath.Join(dir, "bellhop/certificate.conf"))
	require.NoError(t, err)
	require.Contains(t, string(conf), "ssl_certificate "+certificate+";")
	never(t, "a second reload", 500*time.Millisecond, func() bool { return strings.Count(called(), "reload") > 1 })

	// Of this version on, HTTP/2 has a directive of its own.
	listen, err := os.ReadFile(filepath.Join(dir, "bellhop/listen-tls.conf"))
	require.NoError(t, err)
	require.Contains(t, string(listen), "http2 on;")
}
