package testenv

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// httpWire is WebDriver as it is specified: over HTTP, to a driver.
type httpWire struct {
	client  *http.Client
	session string // its address
}

// drive starts a browser's driver, and by it the browser.
func (s *server) drive(capabilities map[string]any, env ...string) wire {
	s.tb.Helper()
	s.process.args = []string{"--port=" + strconv.Itoa(s.port.number)}
	s.process.env = slices.Concat(env, homeIn(s.dir))
	s.Start()
	w := &httpWire{
		client:  &http.Client{Timeout: commandTimeout, Transport: &http.Transport{DisableKeepAlives: true}},
		session: "http://" + s.Addr + "/session",
	}
	answer, err := w.command("", map[string]any{"capabilities": map[string]any{"alwaysMatch": capabilities}})
	require.NoError(s.tb, err)
	var made struct {
		SessionID string `json:"sessionId"` //nolint:tagliatelle // WebDriver names it
	}
	require.NoError(s.tb, json.Unmarshal(answer, &made))
	w.session += "/" + made.SessionID
	// The browser leads a process group of its own, and ends with its session.
	s.tb.Cleanup(func() { _, _ = w.send(http.MethodDelete, "", nil) })
	return w
}

func (w *httpWire) command(path string, parameters any) (json.RawMessage, error) {
	switch {
	case path == "/window/close":
		return w.send(http.MethodDelete, "/window", nil)
	case parameters == nil:
		return w.send(http.MethodGet, path, nil)
	}
	body, err := json.Marshal(parameters)
	if err != nil {
		return nil, err
	}
	return w.send(http.MethodPost, path, body)
}

func (w *httpWire) send(method, path string, body []byte) (json.RawMessage, error) {
	req, err := http.NewRequest(method, w.session+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	resp, err := w.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", resp.Status, answer)
	}
	var value struct {
		Value json.RawMessage `json:"value"`
	}
	return value.Value, json.Unmarshal(answer, &value)
}

// homeIn has a browser write into a folder.
func homeIn(dir string) []string {
	return []string{"HOME=" + dir, "XDG_CACHE_HOME=", "XDG_CONFIG_HOME=", "XDG_DATA_HOME="}
}

func startChromium(tb testing.TB) wire {
	tb.Helper()
	binary, err := program("chromium", "chromium-browser", "google-chrome")
	require.NoError(tb, err)
	driver := newServer(tb, "chromedriver")
	return driver.drive(map[string]any{"goog:chromeOptions": map[string]any{"binary": binary, "args": []string{
		"--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-component-update", "--mute-audio",
		"--user-data-dir=" + filepath.Join(driver.dir, "profile"),
	}}})
}

// displayNumber is what Xvfb prints once it can be used.
var displayNumber = regexp.MustCompile(`(?m)^\d+$`)

// startWebKit starts WebKitGTK's MiniBrowser, of Safari's engine, on a screen of its own.
func startWebKit(tb testing.TB) wire {
	tb.Helper()
	browsers, err := filepath.Glob("/usr/lib/*/webkit2gtk-4.*/MiniBrowser")
	require.NoError(tb, err)
	require.NotEmpty(tb, browsers, "the package %s has a MiniBrowser", packages["WebKitWebDriver"])
	screen, driver := newServer(tb, "Xvfb"), newServer(tb, "WebKitWebDriver")
	screen.process.args = []string{"-displayfd", "1", "-screen", "0", "1280x1024x24", "-nolisten", "tcp"}
	var display string
	screen.ready = func() error {
		printed, err := os.ReadFile(screen.process.log)
		display = ":" + string(displayNumber.Find(printed))
		if err == nil && display == ":" {
			err = fmt.Errorf("no display yet: %s", printed)
		}
		return err
	}
	screen.Start()
	return driver.drive(map[string]any{
		"webkitgtk:browserOptions": map[string]any{"binary": browsers[len(browsers)-1], "args": []string{"--automation"}},
	}, "DISPLAY="+display)
}
