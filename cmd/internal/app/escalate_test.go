package app

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/cmd/internal/config"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// hooked is what a product was sent.
type hooked struct {
	Header map[string]string `json:"headers"`
	Body   string            `json:"body"`
}

// TestEscalationOfTheDocs follows docs/escalation.md, with its policy file and its way to
// verify: who has no page open is told of, and who has one is not. What the product does not
// take is shown to operators.
func TestEscalationOfTheDocs(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var came []hooked
	product := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || strings.Contains(string(body), `"user":"unlucky"`) {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		one := hooked{Header: map[string]string{}, Body: string(body)}
		for name := range r.Header {
			one.Header[strings.ToLower(name)] = r.Header.Get(name)
		}
		mu.Lock()
		defer mu.Unlock()
		came = append(came, one)
	}))
	defer product.Close()
	dir := t.TempDir()
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "secret"), []byte(secret+"\n"), 0o600))
	policies := codeBlocks(t, "docs/escalation.md", "yaml")[0]
	for old, replacement := range map[string]string{
		"https://product.example/hooks/bellhop": product.URL + "/\n    allow_private: true", "/run/secrets/webhook": filepath.Join(dir, "secret"),
		"after: 10m": "after: 100ms", "digest: 5m": "digest: 0s",
	} {
		require.Contains(t, policies, old)
		policies = strings.Replace(policies, old, replacement, 1)
	}
	file := filepath.Join(dir, "policies.yaml")
	require.NoError(t, os.WriteFile(file, []byte(policies), 0o600))
	const signing = "a-signing-key-of-32-bytes-or-more-here"
	h := startBellhop(t, "--sqlite="+freshDB(t), "--policies="+file, "--jwt-secret="+signing, "--service-keys=shop="+fleetKey+",ops@admin="+opsKey)
	eventuallyReady(t, h.Service)
	token, err := auth.SignToken(signing, auth.Claims{Subject: "here", IssuedAt: time.Now(), Expires: time.Now().Add(time.Hour)})
	require.NoError(t, err)
	openStreamAt(t, h.URL()+"/v1/stream", "Authorization", "Bearer "+token)
	require.Eventually(t, func() bool { return h.gateway.Streams() == 1 }, patience, tick)

	for _, user := range []string{"here", "Jane Doe", "unlucky", "42"} {
		status, body := publishAs(t, h, fleetKey, `{"users":["`+user+`"],"type":"note","data":{"post":7}}`)
		require.Equal(t, http.StatusCreated, status, body)
	}
	status, body := publishAs(t, h, fleetKey, `{"users":["42"],"type":"like","data":1}`)
	require.Equal(t, http.StatusCreated, status, body)
	told := func() []hooked {
		mu.Lock()
		defer mu.Unlock()
		return append([]hooked(nil), came...)
	}
	require.Eventually(t, func() bool { return len(told()) == 2 }, patience, tick)
	require.Contains(t, told()[0].Body+told()[1].Body, `"user":"Jane Doe"`)
	require.Contains(t, told()[0].Body+told()[1].Body, `{"channel":"user:42","seq":1,"type":"note"`)
	require.NotContains(t, told()[0].Body+told()[1].Body, "like", "no rule names it")

	var shown struct {
		Targets []struct {
			Target          string
			Waiting, Parked int
		}
	}
	ask := func(method, path string, to any) {
		req, err := http.NewRequestWithContext(t.Context(), method, h.URL()+path, http.NoBody)
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+opsKey)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		defer resp.Body.Close()
		require.Equal(t, http.StatusOK, resp.StatusCode)
		require.NoError(t, json.NewDecoder(resp.Body).Decode(to))
	}
	// A call that was answered is forgotten a moment later.
	require.Eventually(t, func() bool {
		shown.Targets = nil
		ask(http.MethodGet, "/v1/admin/escalations", &shown)
		return len(shown.Targets) == 1 && shown.Targets[0].Waiting == 1
	}, patience, tick)
	require.Zero(t, shown.Targets[0].Parked)
	var released struct{ Released int }
	ask(http.MethodPost, "/v1/admin/escalations/main/retry", &released)
	require.Zero(t, released.Released)

	verify := filepath.Join(dir, "verify.py")
	require.NoError(t, os.WriteFile(verify, []byte(codeBlocks(t, "docs/escalation.md", "python")[0]+`
import json, sys
call = json.load(sys.stdin)
body = call["body"].encode()
assert verify(sys.argv[1], call["headers"], body)
assert not verify(sys.argv[1], call["headers"], body + b" ")
assert not verify("whsec_" + "A" * 32, call["headers"], body)
call["headers"]["webhook-timestamp"] = "1"
assert not verify(sys.argv[1], call["headers"], body)
`), 0o600))
	call, err := json.Marshal(told()[0])
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), "python3", verify, secret)
	cmd.Stdin = strings.NewReader(string(call))
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

// TestASecretThatCannotBeReadStopsTheNotifier, and says of which webhook.
func TestASecretThatCannotBeReadStopsTheNotifier(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "policies.yaml")
	require.NoError(t, os.WriteFile(file, []byte("webhooks: {main: {url: 'https://a.example', secret_file: /nowhere}}\nnamespaces: {a: {access: public}}\n"), 0o600))
	var cfg config.Bellhop
	_, err := config.Parse(&cfg, []string{"--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", "--sqlite=" + freshDB(t), "--policies=" + file}, nil, io.Discard)
	require.NoError(t, err)
	_, err = NewBellhop(t.Context(), &cfg, testenv.Logger(t), io.Discard)
	require.ErrorContains(t, err, "webhook main: secret_file")
}
