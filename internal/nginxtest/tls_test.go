package nginxtest

import (
	"crypto/tls"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// TestStreamOverHTTP2 goes through the self-signed certificate that an
// installation without one makes for itself.
func TestStreamOverHTTP2(t *testing.T) {
	t.Parallel()
	b := newBellhop(t, "BELLHOP_DRAIN=200ms")
	secure := testenv.Address(t)
	e := newEdge(t, []string{addr(b)}, []string{
		"EDGE_MODE=tls", "EDGE_HTTPS_PORT=" + secure, "EDGE_CERTIFICATE=/nowhere/cert.pem", "EDGE_SERVER_NAME=bell.example",
	})
	client := &http.Client{
		Transport: &http.Transport{
			ForceAttemptHTTP2: true,
			TLSClientConfig:   &tls.Config{InsecureSkipVerify: true},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	t.Cleanup(client.CloseIdleConnections)
	resp, err := client.Get(e.URL() + "/v1/inbox?limit=1")
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusPermanentRedirect, resp.StatusCode)
	require.Equal(t, "https://127.0.0.1/v1/inbox?limit=1", resp.Header.Get("Location"))

	w := watchWith(t, client, "https://"+secure+openNews)
	await(t, "the stream is live", func() bool { return w.got("event: bellhop.ready") })
	require.Equal(t, "HTTP/2.0", w.proto)
	require.Equal(t, "max-age=31536000", w.header.Get("Strict-Transport-Security"))
	publish(t, b.URL, "topic:news")
	await(t, "the event", func() bool { return w.got("event: note") })
	require.NoError(t, b.Stop(waitFor))
	await(t, "the stream has ended", w.ended)
	require.NoError(t, w.err, "no ERR_HTTP2_PROTOCOL_ERROR")
}

// TestComposeAndPlainInstallHaveTheSameSettings: docker-compose.yml has to give
// every variable of the templates, and what is not the container's own affair is
// to be the same in both.
func TestComposeAndPlainInstallHaveTheSameSettings(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../docker-compose.yml")
	require.NoError(t, err)
	var file struct {
		Services map[string]struct {
			Environment map[string]any
		}
	}
	require.NoError(t, yaml.Unmarshal(raw, &file))
	compose := file.Services["nginx"].Environment
	plain := readSettings(t, filepath.Join(scripts, "defaults.env"))
	example, err := os.ReadFile("../../.env.example")
	require.NoError(t, err)
	own := map[string]bool{"EDGE_USER": true, "EDGE_SERVICES_LISTEN": true}
	fallback := regexp.MustCompile(`^\$\{(\w+):-(.*)\}$`)
	for name, want := range plain {
		got, ok := compose[name].(string)
		require.True(t, ok, name)
		if m := fallback.FindStringSubmatch(got); m != nil {
			require.Equal(t, name, m[1])
			require.Contains(t, string(example), "\n#"+name+"="+m[2]+"\n")
			got = m[2]
		}
		if !own[name] {
			require.Equal(t, want, got, name)
		}
	}
	used, err := exec.Command("sh", "-c", "grep -rhoE 'EDGE_[A-Z_]+' "+scripts+"/templates | sort -u").Output()
	require.NoError(t, err)
	for name := range strings.FieldsSeq(string(used)) {
		require.Contains(t, plain, name)
	}
}

// TestEnvExampleExplainsEveryVariable of docker-compose.yml, with its default.
func TestEnvExampleExplainsEveryVariable(t *testing.T) {
	t.Parallel()
	compose, err := os.ReadFile("../../docker-compose.yml")
	require.NoError(t, err)
	example, err := os.ReadFile("../../.env.example")
	require.NoError(t, err)
	variables := regexp.MustCompile(`\$\{(\w+):-([^}]*)\}`).FindAllStringSubmatch(string(compose), -1)
	require.NotEmpty(t, variables)
	for _, v := range variables {
		require.Contains(t, string(example), "\n#"+v[1]+"="+v[2]+"\n")
	}
}

func readSettings(t *testing.T, path string) map[string]string {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	settings := map[string]string{}
	for line := range strings.Lines(string(raw)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok && !strings.HasPrefix(line, "#") {
			settings[name] = value
		}
	}
	return settings
}
