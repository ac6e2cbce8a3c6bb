package nginxtest

import (
	"context"
	"crypto/tls"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// TestRenewedCertificateIsTakenUp: what certbot writes is found without anybody
// telling Nginx. New connections get the new certificate, open streams go on, and
// neither a certificate that is no good nor a disk that is full changes anything.
func TestRenewedCertificateIsTakenUp(t *testing.T) {
	t.Parallel()
	b := newBellhop(t)
	dir, secure := t.TempDir(), testenv.Address(t)
	certificate, key := filepath.Join(dir, "fullchain.pem"), filepath.Join(dir, "privkey.pem")
	e := newEdge(t, []string{addr(b)}, []string{
		"EDGE_MODE=tls", "EDGE_HTTPS_PORT=" + secure, "EDGE_SERVER_NAME=bell.example",
		"EDGE_CERTIFICATE=" + certificate, "EDGE_CERTIFICATE_KEY=" + key,
	})
	e.renew(t)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	t.Cleanup(client.CloseIdleConnections)
	w := watchWith(t, client, "https://"+secure+openNews)
	await(t, "the stream is live", func() bool { return w.got("event: bellhop.ready") })
	require.Equal(t, "bell.example", issuedTo(t, secure), "self-signed: there is none yet")

	issue(t, "first.example", certificate, key)
	await(t, "the first certificate", func() bool { return issuedTo(t, secure) == "first.example" })
	require.NoError(t, os.WriteFile(certificate, []byte("half a certificate"), 0o600))
	never(t, "it is served", time.Second, func() bool {
		name := issuedTo(t, secure) // for a moment the worker of before may answer
		return name != "first.example" && name != "bell.example"
	})
	// As on a full disk, what setup writes can't be written.
	listen := filepath.Join(e.Dir, "bellhop/listen.conf")
	require.NoError(t, os.Remove(listen))
	require.NoError(t, os.Mkdir(listen, 0o700))
	issue(t, "second.example", certificate, key)
	never(t, "it is served", time.Second, func() bool { return issuedTo(t, secure) == "second.example" })
	require.NoError(t, os.Remove(listen))
	await(t, "the second certificate", func() bool { return issuedTo(t, secure) == "second.example" })

	publish(t, b.URL, "topic:news")
	await(t, "the stream of before goes on", func() bool { return w.got("event: note") })
}

// renew runs nginx/renew beside the edge until the test ends.
func (e *edge) renew(t *testing.T) {
	t.Helper()
	path, err := exec.LookPath("nginx")
	require.NoError(t, err)
	// It knows of the one Nginx of a machine; this one is told where ours is.
	bin := t.TempDir()
	fakeNginx(t, bin, `[ "$1" = -V ] && exec `+path+` -V
exec `+path+` -p "$DIR" -c "$DIR/nginx.conf" -e stderr -g "pid $DIR/nginx.pid;" "$@"`)
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "sh", filepath.Join(scripts, "renew"), e.Dir, filepath.Join(e.Dir, "settings.env"))
	cmd.WaitDelay = time.Second // its sleep outlives it for a moment
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "DIR="+e.Dir, "EDGE_RENEW_EVERY=0.2")
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait()
	})
}

// issue puts a new self-signed certificate in place, as certbot does: whole.
func issue(t *testing.T, name, certificate, key string) {
	t.Helper()
	out, err := exec.Command("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
		"-subj", "/CN="+name, "-keyout", key+".new", "-out", certificate+".new").CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.NoError(t, os.Rename(key+".new", key))
	require.NoError(t, os.Rename(certificate+".new", certificate))
}

// issuedTo is the name in the certificate that an address shows.
func issuedTo(t *testing.T, address string) string {
	t.Helper()
	c, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		return err.Error()
	}
	defer c.Close()
	return c.ConnectionState().PeerCertificates[0].Subject.CommonName
}
