// Package webtest tries the browser's side in a real browser, behind a real Nginx,
// on real processes: what no fake of a browser can show.
package webtest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
	"github.com/bellhop/bellhop/web"
)

const (
	signingKey = "0123456789abcdef0123456789abcdef"
	serviceKey = "a-service-key-of-the-page"
	heartbeat  = "1s" // as testdata/page.js has it

	// patience bounds what happens soon, and tick is how often it is looked for.
	patience = 30 * time.Second
	tick     = 50 * time.Millisecond
)

func TestMain(m *testing.M) { testenv.Main(m) }

const nginxConf = `
worker_processes 1;
events { worker_connections 256; }
http {
	access_log off;
	types { text/html html; text/javascript js; }
	server {
		listen {{.Listen}};
		root {{.Dir}}/www;
		location / {
			add_header Cache-Control no-cache; # what must not be stored is not kept for the back button either
			add_header Access-Control-Allow-Origin *; # as for a page of no origin
		}
		location = /blocked.html {
			alias {{.Dir}}/www/index.html;
			add_header Content-Security-Policy "sandbox allow-scripts";
		}
		location = /token {
			proxy_pass {{.Tokens}};
			add_header Access-Control-Allow-Origin *;
		}
		location /v1/ {
			proxy_pass {{.Gateway}};
			proxy_http_version 1.1;
			proxy_set_header Connection "";
			proxy_set_header Host $http_host;
			proxy_buffering off;
		}
	}
}
`

// house is a bellhop behind an Nginx, which has the page too, and a network in
// front of it that can be cut.
type house struct {
	t       *testing.T
	bellhop *testenv.Program
	network *testenv.TCPProxy
	tokens  *tokens
}

// tokens is a product's login: it believes everybody, and counts who asked.
type tokens struct {
	mu    sync.Mutex
	asked map[string]int
}

func newHouse(t *testing.T, settings ...string) *house {
	t.Helper()
	h := &house{t: t, tokens: &tokens{asked: make(map[string]int)}}
	h.bellhop = testenv.Run(t, testenv.Build(t, "./cmd/bellhop"), append([]string{
		"BELLHOP_SQLITE=" + filepath.Join(t.TempDir(), "bellhop.db"),
		"BELLHOP_JWT_SECRET=" + signingKey,
		"BELLHOP_SERVICE_KEYS=page=" + serviceKey,
		"BELLHOP_HEARTBEAT=" + heartbeat,
		"BELLHOP_DRAIN=100ms",
	}, settings...)...)
	login := httptest.NewServer(h.tokens)
	t.Cleanup(login.Close)
	nginx := testenv.Nginx(t, nginxConf, map[string]any{"Gateway": h.bellhop.URL, "Tokens": login.URL})
	copyFiles(t, filepath.Join(nginx.Dir, "www"), web.Client(), os.DirFS("testdata"))
	h.network = testenv.Proxy(t, nginx.Addr)
	return h
}

func (k *tokens) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	user := r.URL.Query().Get("user")
	k.mu.Lock()
	k.asked[user]++
	k.mu.Unlock()
	life := time.Hour
	if text := r.URL.Query().Get("life"); text != "" {
		var err error
		if life, err = time.ParseDuration(text); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
	}
	now := time.Now()
	token, err := auth.SignToken(signingKey, auth.Claims{
		Subject: user, IssuedAt: now, Expires: now.Add(life), Channels: []string{"room:*"},
	})
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	_, _ = io.WriteString(w, token)
}

// of tells how often somebody asked.
func (k *tokens) of(user string) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.asked[user]
}

func copyFiles(t *testing.T, dir string, systems ...fs.FS) {
	t.Helper()
	require.NoError(t, os.Mkdir(dir, 0o755))
	for _, system := range systems {
		require.NoError(t, fs.WalkDir(system, ".", func(name string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil || name == ".":
				return err
			case entry.IsDir():
				return os.Mkdir(filepath.Join(dir, name), 0o755)
			}
			b, err := fs.ReadFile(system, name)
			if err != nil {
				return err
			}
			return os.WriteFile(filepath.Join(dir, name), b, 0o644) // Nginx reads it as another user
		}))
	}
}

// publish sends events to a person's inbox and returns when they are in the log.
func (h *house) publish(user string, data ...any) {
	h.t.Helper()
	for _, d := range data {
		body, err := json.Marshal(map[string]any{"channels": []string{"user:" + user}, "type": "note", "data": d})
		require.NoError(h.t, err)
		req, err := http.NewRequestWithContext(h.t.Context(), http.MethodPost, h.bellhop.URL+"/v1/events", strings.NewReader(string(body)))
		require.NoError(h.t, err)
		req.Header.Set("Authorization", "Bearer "+serviceKey)
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		require.NoError(h.t, err)
		answer, err := io.ReadAll(resp.Body)
		require.NoError(h.t, err)
		require.NoError(h.t, resp.Body.Close())
		require.Equal(h.t, http.StatusCreated, resp.StatusCode, "%s", answer)
	}
	http.DefaultClient.CloseIdleConnections()
}

// texts are so many events' data.
func texts(from, to int) []any {
	var all []any
	for i := from; i <= to; i++ {
		all = append(all, map[string]string{"title": fmt.Sprintf("Message %d", i)})
	}
	return all
}

// streams is how many streams the gateway says are open.
func (h *house) streams() string {
	h.t.Helper()
	return strconv.Itoa(int(h.bellhop.Metrics(h.t)["bellhop_streams_open"]))
}

func (h *house) eventuallyStreams(want string) {
	h.t.Helper()
	require.Eventually(h.t, func() bool { return h.streams() == want }, patience, tick, "%s streams", want)
}

// visitor is somebody at a tab.
type visitor struct {
	t   *testing.T
	tab context.Context
	end context.CancelFunc // closes the tab
}

// visit starts a browser whose first tab is at the page as somebody.
func (h *house) visit(query string, flags ...chromedp.ExecAllocatorOption) *visitor {
	h.t.Helper()
	v := &visitor{t: h.t, tab: testenv.Chromium(h.t, flags...), end: func() {}}
	v.open(h, query)
	return v
}

// another opens one more tab of the same browser.
func (v *visitor) another(h *house, query string) *visitor {
	v.t.Helper()
	other := v.newTab()
	other.open(h, query)
	return other
}

// newTab is a tab of the same browser: an empty one unless options say otherwise.
func (v *visitor) newTab(options ...chromedp.ContextOption) *visitor {
	v.t.Helper()
	tab, cancel := chromedp.NewContext(v.tab, options...)
	v.t.Cleanup(cancel)
	require.NoError(v.t, chromedp.Do(tab)) // open it: with a step's context it would close with the step
	return &visitor{t: v.t, tab: tab, end: cancel}
}

func (v *visitor) open(h *house, query string) {
	v.t.Helper()
	v.do(chromedp.Navigate("http://" + h.network.Addr + "/index.html?" + query))
	v.until(`window.client?.status.state === "live"`)
}

func as(user string, more ...string) string {
	values := url.Values{"user": {user}}
	for i := 0; i+1 < len(more); i += 2 {
		values.Add(more[i], more[i+1])
	}
	return values.Encode()
}

func (v *visitor) do(steps ...chromedp.Action[chromedp.Void]) {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.tab, patience)
	defer cancel()
	require.NoError(v.t, chromedp.Do(ctx, steps...))
}

// js evaluates an expression, awaits it, and returns its JSON.
func (v *visitor) js(expression string) string {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.tab, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[string](
		`(async () => JSON.stringify(await (`+expression+`)) ?? "undefined")()`, testenv.AwaitPromise))
	require.NoError(v.t, err, expression)
	return value
}

// until waits for an expression to be true.
func (v *visitor) until(expression string) {
	v.t.Helper()
	require.Eventually(v.t, func() bool { return v.js(expression) == "true" }, patience, tick,
		"%s; seen: %s", expression, later(func() string { return v.js("[window.seen, window.client?.status, window.client?.inbox]") }))
}

// later is a text that is made when it is printed.
type later func() string

func (l later) String() string { return l() }

// eventuallyHas waits until exactly these events have come, in their order.
func (v *visitor) eventuallyHas(seqs ...int) {
	v.t.Helper()
	want, err := json.Marshal(seqs)
	require.NoError(v.t, err)
	v.until(fmt.Sprintf(`JSON.stringify(seen.events.map(({ seq }) => seq)) === %q`, want))
}
