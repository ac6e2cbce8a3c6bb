package app

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
)

// replaceFile puts a file in place by a rename, as whoever rotates a secret does, and
// returns its path.
func replaceFile(t *testing.T, path, text string) string {
	t.Helper()
	require.NoError(t, os.WriteFile(path+".new", []byte(text), 0o600))
	require.NoError(t, os.Rename(path+".new", path))
	return path
}

// hangUp has a program read its files anew, and waits until its log says so.
func hangUp(t *testing.T, cmd *exec.Cmd, stderr *console, says string) {
	t.Helper()
	before := strings.Count(stderr.String(), says)
	require.NoError(t, cmd.Process.Signal(syscall.SIGHUP))
	require.Eventually(t, func() bool { return strings.Count(stderr.String(), says) > before }, patience, tick, "%s", stderr)
}

// TestHangupReadsFilesAnew: keys, secrets and policies, while streams go on but for
// those that the new policy forbids. A wrong file leaves all as it was.
func TestHangupReadsFilesAnew(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string { return replaceFile(t, filepath.Join(dir, name), text) }
	oldSecret, newSecret := strings.Repeat("o", 32), strings.Repeat("n", 32)
	const (
		open   = "  news: {access: public, log: database}\n"
		closed = "  news: {access: authenticated, log: database}\n"
		rest   = "namespaces:\n  topic: {access: public, log: database}\n  room: {access: member, log: database}\n  gone: {access: public, log: database}\n"
	)
	cmd, stderr, url := launch(t, "bellhop", []string{"--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0"}, []string{
		"BELLHOP_JWT_SECRET_FILE=" + write("secret", oldSecret),
		"BELLHOP_SERVICE_KEYS_FILE=" + write("keys", "shop=the-old-key"),
		"BELLHOP_POLICIES=" + write("policies.yaml", rest+open),
	})
	bearer := func(secret string) []string {
		token, err := auth.SignToken(secret, auth.Claims{Subject: "mina", Expires: time.Now().Add(time.Hour), Channels: []string{"room:*"}})
		require.NoError(t, err)
		return []string{"Authorization", "Bearer " + token}
	}
	hangUp := func(says string) { hangUp(t, cmd, stderr, says) }
	asks := func(secret string) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodHead, url+"/v1/stream", http.NoBody)
		require.NoError(t, err)
		req.Header.Set(bearer(secret)[0], bearer(secret)[1])
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		_, _ = io.Copy(io.Discard, resp.Body)
		require.NoError(t, resp.Body.Close())
		return resp.StatusCode
	}
	publishes := func(key, channel string) int {
		status, _ := post(t, url+"/v1/events", `{"channels":["`+channel+`"],"type":"note","data":1}`, "Authorization", "Bearer "+key)
		return status
	}
	stays := []*stream{
		openStream(t, url, "topic:a"),
		openStream(t, url, "room:1", bearer(oldSecret)...),
		openStream(t, url, "news:a", bearer(oldSecret)...), // may have it as somebody
	}
	ends := []*stream{openStream(t, url, "news:a"), openStream(t, url, "gone:a", bearer(oldSecret)...)}
	for _, s := range append(stays, ends...) {
		s.waitFor("event: bellhop.ready")
	}

	for name, text := range map[string]string{
		"secret": "short", "keys": "shop", "policies.yaml": "namespaces: [",
	} {
		good, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		write(name, text)
		hangUp("nothing changes")
		write(name, string(good))
	}
	write("policies.yaml", strings.Replace(rest, "topic: {access: public, log: database}", "topic: {access: public, log: redis, retention: {max_age: 1h, max_count: 9}}", 1)+open)
	hangUp("nothing changes")
	write("policies.yaml", rest+open)
	require.Equal(t, 200, asks(oldSecret))
	require.Equal(t, 201, publishes("the-old-key", "topic:a"))

	write("secret", newSecret)
	write("keys", "shop=the-new-key")
	write("policies.yaml", strings.Replace(rest, "  gone: {access: public, log: database}\n", "", 1)+closed+"  fresh: {access: public, log: database}\n")
	hangUp("files were read again")
	require.Contains(t, stderr.String(), `changed="[policy of fresh policy of gone policy of news keys of tokens service keys]"`)
	require.Equal(t, 401, asks(oldSecret))
	require.Equal(t, 200, asks(newSecret))
	require.Equal(t, 401, publishes("the-old-key", "topic:a"))
	require.Equal(t, 201, publishes("the-new-key", "topic:a"))
	require.Equal(t, 201, publishes("the-new-key", "fresh:a"))
	require.Equal(t, 422, publishes("the-new-key", "gone:a"))
	for _, s := range ends {
		require.Eventually(t, s.ended, patience, tick)
		require.NoError(t, s.err(), "with its last chunk")
		require.Contains(t, s.text(), "event: bellhop.drain", "they come back and are judged")
	}
	require.Equal(t, 401, status(url+"/v1/stream?channel=news:a"))
	for _, channel := range []string{"topic:a", "room:1", "news:a"} {
		require.Equal(t, 201, publishes("the-new-key", channel))
	}
	for _, s := range stays {
		s.waitFor("event: note")
		require.False(t, s.ended())
	}
	hangUp("files were read again")
	require.Contains(t, stderr.String(), "changed=[]")
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, cmd.Wait(), stderr)
}
