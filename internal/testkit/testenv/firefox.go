package testenv

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// marionette is WebDriver as Firefox itself speaks it; Debian has no geckodriver,
// which does nothing but translate it.
type marionette struct {
	conn   net.Conn
	reader *bufio.Reader
	last   int
}

// marionetteNames are what it calls the commands that are used here.
var marionetteNames = map[string]string{
	"/url": "Navigate", "/back": "Back", "/frame": "SwitchToFrame", "/window/new": "NewWindow", "/window/rect": "SetWindowRect",
	"/execute/sync": "ExecuteScript", "/actions": "PerformActions", "/screenshot": "TakeScreenshot", "": "NewSession", "/window/close": "CloseWindow",
}

func startFirefox(tb testing.TB) wire {
	tb.Helper()
	s := newServer(tb, "firefox-esr", "firefox")
	settings := new(strings.Builder)
	for name, value := range map[string]any{
		"marionette.port": s.port.number, "datareporting.policy.dataSubmissionEnabled": false, "browser.aboutwelcome.enabled": false,
		"network.captive-portal-service.enabled": false, "network.connectivity-service.enabled": false,
		"dom.webnotifications.enabled": true, "media.volume_scale": "0.0",
	} {
		fmt.Fprintf(settings, "user_pref(%q, %#v);\n", name, value)
	}
	require.NoError(tb, os.WriteFile(filepath.Join(s.dir, "user.js"), []byte(settings.String()), 0o600))
	s.process.args = []string{"--headless", "--marionette", "--no-remote", "--profile", s.dir}
	s.process.env = homeIn(s.dir)
	s.Start()
	conn, err := net.Dial("tcp", s.Addr)
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = conn.Close() })
	m := &marionette{conn: conn, reader: bufio.NewReader(conn)}
	_, err = m.read() // it says who it is
	require.NoError(tb, err)
	_, err = m.command("", map[string]any{})
	require.NoError(tb, err)
	return m
}

func (m *marionette) command(path string, parameters any) (json.RawMessage, error) {
	name := marionetteNames[path]
	if path == "/window" {
		name = "SwitchToWindow"
		if parameters == nil {
			name = "GetWindowHandle"
		}
	}
	if name == "" {
		return nil, fmt.Errorf("no command for %s", path)
	}
	if parameters == nil {
		parameters = map[string]any{"full": false}
	}
	m.last++
	body, err := json.Marshal([]any{0, m.last, "WebDriver:" + name, parameters})
	if err != nil {
		return nil, err
	}
	if err := m.conn.SetDeadline(time.Now().Add(commandTimeout)); err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintf(m.conn, "%d:%s", len(body), body); err != nil {
		return nil, err
	}
	answer, err := m.read()
	if err != nil {
		return nil, err
	}
	var parts [4]json.RawMessage // type, number, error, value
	if err := json.Unmarshal(answer, &parts); err != nil {
		return nil, err
	}
	if string(parts[2]) != "null" {
		return nil, fmt.Errorf("%s", parts[2])
	}
	// Single values are wrapped.
	var wrapped map[string]json.RawMessage
	if err := json.Unmarshal(parts[3], &wrapped); err == nil && len(wrapped) == 1 && wrapped["value"] != nil {
		return wrapped["value"], nil
	}
	return parts[3], nil
}

// read reads one message, which comes after its length.
func (m *marionette) read() ([]byte, error) {
	text, err := m.reader.ReadString(':')
	if err != nil {
		return nil, err
	}
	length, err := strconv.Atoi(strings.TrimSuffix(text, ":"))
	if err != nil {
		return nil, err
	}
	message := make([]byte, length)
	_, err = io.ReadFull(m.reader, message)
	return message, err
}
