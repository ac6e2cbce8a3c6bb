package testenv

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// webkitTimeout bounds one command to the browser.
const webkitTimeout = 30 * time.Second

// displayNumber is what Xvfb prints once it can be used.
var displayNumber = regexp.MustCompile(`(?m)^\d+$`)

// WebKitPage is a page in WebKitGTK's MiniBrowser, the engine of Safari, driven over
// WebDriver (https://www.w3.org/TR/webdriver2/).
type WebKitPage struct {
	tb      testing.TB
	client  *http.Client
	session string // its address
}

// WebKit starts a browser on a screen of its own, with an empty profile. Both end
// with the test.
func WebKit(tb testing.TB) *WebKitPage {
	tb.Helper()
	driver, err := program("WebKitWebDriver")
	require.NoError(tb, err)
	xvfb, err := program("Xvfb")
	require.NoError(tb, err)
	browsers, err := filepath.Glob("/usr/lib/*/webkit2gtk-4.*/MiniBrowser")
	require.NoError(tb, err)
	require.NotEmpty(tb, browsers, "the package %s has a MiniBrowser", packages["WebKitWebDriver"])
	dir, err := scratch(false)
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = os.RemoveAll(dir) })

	screen := &process{
		path: xvfb, log: filepath.Join(dir, "screen"),
		args: []string{"-displayfd", "1", "-screen", "0", "1280x1024x24", "-nolisten", "tcp"},
	}
	tb.Cleanup(func() { require.NoError(tb, screen.kill()) })
	var display string
	require.NoError(tb, screen.start(func() error {
		printed, err := os.ReadFile(screen.log)
		display = ":" + string(displayNumber.Find(printed))
		if err == nil && display == ":" {
			err = fmt.Errorf("no display yet: %s", printed)
		}
		return err
	}))

	p, err := reservePort()
	require.NoError(tb, err)
	tb.Cleanup(p.release)
	server := &process{
		path: driver, log: filepath.Join(dir, "driver"),
		args: []string{"--host=127.0.0.1", "--port=" + strconv.Itoa(p.number)},
		env:  []string{"DISPLAY=" + display, "HOME=" + dir, "XDG_CACHE_HOME=", "XDG_CONFIG_HOME=", "XDG_DATA_HOME="},
	}
	tb.Cleanup(func() { require.NoError(tb, server.kill()) })
	require.NoError(tb, server.start(func() error { return listening(p.addr()) }))

	w := &WebKitPage{
		tb:      tb,
		client:  &http.Client{Timeout: webkitTimeout, Transport: &http.Transport{DisableKeepAlives: true}},
		session: "http://" + p.addr() + "/session",
	}
	var made struct {
		SessionID string `json:"sessionId"` //nolint:tagliatelle // WebDriver names it
	}
	w.command("", map[string]any{"capabilities": map[string]any{"alwaysMatch": map[string]any{
		"webkitgtk:browserOptions": map[string]any{"binary": browsers[len(browsers)-1], "args": []string{"--automation"}},
	}}}, &made)
	w.session += "/" + made.SessionID
	w.command("/window/rect", map[string]any{"width": 1280, "height": 1024}, nil)
	return w
}

// Open shows a page in a frame of exactly this size: a window of this browser is
// never as narrow as a phone.
func (w *WebKitPage) Open(page string, width, height int) {
	w.tb.Helper()
	address, err := url.Parse(page)
	require.NoError(w.tb, err)
	// Of the frame's own origin, so that the page is no third party.
	w.command("/url", map[string]any{"url": address.ResolveReference(&url.URL{Path: "/"}).String()}, nil)
	w.command("/execute/sync", map[string]any{"args": []any{page, width, height}, "script": `
		const frame = Object.assign(document.createElement("iframe"), { src: arguments[0], width: arguments[1], height: arguments[2] });
		frame.style.border = document.body.style.margin = 0;
		document.body.replaceChildren(frame);
		return new Promise((resolve) => { frame.onload = () => resolve(); });`}, nil)
	w.command("/frame", map[string]any{"id": 0}, nil)
}

// Evaluate awaits an expression on the page and returns its JSON.
func (w *WebKitPage) Evaluate(expression string) string {
	w.tb.Helper()
	var value string
	script := `return (async () => JSON.stringify(await (` + expression + `)) ?? "undefined")()`
	w.command("/execute/sync", map[string]any{"script": script, "args": []any{}}, &value)
	return value
}

// Screenshot is what can be seen, as a PNG.
func (w *WebKitPage) Screenshot() []byte {
	w.tb.Helper()
	var text string
	w.command("/screenshot", nil, &text)
	png, err := base64.StdEncoding.DecodeString(text)
	require.NoError(w.tb, err)
	return png
}

// command sends a command, or asks if there are no parameters, and reads its value.
func (w *WebKitPage) command(path string, parameters, value any) {
	w.tb.Helper()
	method, body := http.MethodGet, []byte(nil)
	if parameters != nil {
		var err error
		body, err = json.Marshal(parameters)
		require.NoError(w.tb, err)
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(w.tb.Context(), method, w.session+path, bytes.NewReader(body))
	require.NoError(w.tb, err)
	resp, err := w.client.Do(req)
	require.NoError(w.tb, err)
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	require.NoError(w.tb, err)
	require.Equal(w.tb, http.StatusOK, resp.StatusCode, "%s: %s", path, answer)
	if value != nil {
		require.NoError(w.tb, json.Unmarshal(answer, &struct {
			Value any `json:"value"`
		}{value}))
	}
}
