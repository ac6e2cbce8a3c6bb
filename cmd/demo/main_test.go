package main

import (
	"bufio"
	"context"
	"flag"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/cmd/internal/app"
	"github.com/bellhop/bellhop/cmd/internal/config"
	"github.com/bellhop/bellhop/internal/probe"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

func TestMain(m *testing.M) { testenv.Main(m) }

const (
	patience = 20 * time.Second
	tick     = 10 * time.Millisecond

	secret = "0123456789abcdef0123456789abcdef"
	key    = "key-of-the-demo-0123"
)

// start runs something until the test ends.
func start(t *testing.T, run func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
	})
}

// startBellhop runs a Bellhop without a demo of its own.
func startBellhop(t *testing.T) string {
	t.Helper()
	var cfg config.Bellhop
	_, err := config.Parse(&cfg, []string{
		"--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", "--drain=100ms", "--sqlite=" + filepath.Join(t.TempDir(), "bellhop.db"),
		"--jwt-secret=" + secret, "--service-keys=demo=" + key,
	}, nil, io.Discard)
	require.NoError(t, err)
	s, err := app.NewBellhop(t.Context(), &cfg, slog.New(slog.DiscardHandler), io.Discard)
	require.NoError(t, err)
	start(t, s.Run)
	return s.URL()
}

// startDemo runs the program with settings from an environment.
func startDemo(t *testing.T, environ map[string]string) *service {
	t.Helper()
	s, command, err := parse([]string{"-listen=127.0.0.1:0", "-database=" + filepath.Join(t.TempDir(), "demo.db")}, func(name string) string { return environ[name] }, io.Discard)
	require.NoError(t, err)
	require.Empty(t, command)
	d, err := open(t.Context(), s, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	start(t, d.run)
	return d
}

func request(t *testing.T, ctx context.Context, method, url, body string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
	require.NoError(t, err)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	require.NoError(t, err)
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

// TestDemoBesideABellhop: page, product and streams under one address.
func TestDemoBesideABellhop(t *testing.T) {
	t.Parallel()
	bellhop := startBellhop(t)
	d := startDemo(t, map[string]string{"DEMO_NOTIFIER": bellhop, "DEMO_GATEWAY": bellhop, "DEMO_KEY": "demo=" + key + ",other=x", "DEMO_JWT_SECRET": secret})

	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	stream := request(t, ctx, http.MethodGet, d.url()+"/api/v1/raffle/1/subscribe?lastEventId=0", "")
	require.Equal(t, "text/event-stream", stream.Header.Get("Content-Type"))
	require.Equal(t, http.StatusCreated, request(t, ctx, http.MethodPost, d.url()+"/api/v1/raffles/1/participate", "").StatusCode)
	lines := bufio.NewScanner(stream.Body)
	seen := false
	for !seen && lines.Scan() {
		seen = strings.Contains(lines.Text(), `"tickets":7`)
	}
	require.True(t, seen, "the ticket is in the stream")
	vitals, err := io.ReadAll(request(t, ctx, http.MethodGet, d.url()+"/api/v1/vitals", "").Body)
	require.NoError(t, err)
	require.Contains(t, string(vitals), `"streams":1`)
	require.Equal(t, http.StatusUnauthorized, request(t, ctx, http.MethodGet, d.url()+"/v1/inbox", "").StatusCode, "a gateway's answer")
	require.Equal(t, http.StatusOK, request(t, ctx, http.MethodGet, d.url()+"/", "").StatusCode)
	_, port, err := net.SplitHostPort(d.listener.Addr().String())
	require.NoError(t, err)
	for _, host := range []string{"127.0.0.1", "", "0.0.0.0", "[::]"} {
		require.NoError(t, probe.Get(ctx, host+":"+port, "/api/v1/raffles"), host)
	}
	require.Error(t, probe.Get(ctx, "127.0.0.2:"+port, "/api/v1/raffles"), "where it does not listen")
}

// TestDemoBehindAProxy has no streams: they do not come its way.
func TestDemoBehindAProxy(t *testing.T) {
	t.Parallel()
	bellhop := startBellhop(t)
	d := startDemo(t, map[string]string{"DEMO_NOTIFIER": bellhop, "DEMO_KEY": key, "DEMO_JWT_SECRET": secret})
	vitals, err := io.ReadAll(request(t, t.Context(), http.MethodGet, d.url()+"/api/v1/vitals", "").Body)
	require.NoError(t, err)
	require.Contains(t, string(vitals), `"streams":null`)
	require.Equal(t, http.StatusNotFound, request(t, t.Context(), http.MethodGet, d.url()+"/v1/stream", "").StatusCode)
}

func TestSettings(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(file, []byte("forum=from-a-file\n"), 0o600))
	environ := func(values map[string]string) func(string) string {
		return func(name string) string { return values[name] }
	}
	none := environ(nil)
	var help strings.Builder

	s, _, err := parse([]string{"-key=a", "-jwt-secret=b", "-gateway=http://gateway"}, environ(map[string]string{"DEMO_KEY": "c", "DEMO_LISTEN": ":1"}), io.Discard)
	require.NoError(t, err)
	require.Equal(t, settings{listen: ":1", database: "demo.db", notifier: "http://127.0.0.1:8081", gateway: "http://gateway", key: "a", secret: "b"}, s)
	s, _, err = parse(nil, environ(map[string]string{"DEMO_KEY_FILE": file, "DEMO_JWT_SECRET": "b"}), io.Discard)
	require.NoError(t, err)
	require.Equal(t, "from-a-file", s.key)

	for given, meant := range map[string]string{
		"plain": "plain", "cGFkZGVkIQ==": "cGFkZGVkIQ==", "cGFk=": "cGFk=", "demo=plain": "plain", "demo=cGFkZGVkIQ==": "cGFkZGVkIQ==",
		"demo@user+room=one,demo=two": "one",
	} {
		s, _, err = parse([]string{"-key=" + given, "-jwt-secret=b"}, none, io.Discard)
		require.NoError(t, err)
		require.Equal(t, meant, s.key, given)
	}

	_, _, err = parse(nil, none, io.Discard)
	require.ErrorContains(t, err, "-key is missing")
	require.ErrorContains(t, err, "-jwt-secret is missing")
	_, _, err = parse(nil, environ(map[string]string{"DEMO_KEY_FILE": file + "x"}), io.Discard)
	require.ErrorContains(t, err, "DEMO_KEY_FILE")
	_, _, err = parse([]string{"-key=a", "-jwt-secret=b", "dance"}, none, io.Discard)
	require.ErrorContains(t, err, `"dance"`)
	for _, asked := range []string{"-h", "-help", "--help"} {
		_, _, err = parse([]string{asked}, environ(map[string]string{"DEMO_KEY": "hidden"}), &help)
		require.ErrorIs(t, err, flag.ErrHelp)
	}
	require.NotContains(t, help.String(), "hidden")
	_, command, err := parse([]string{"health"}, none, io.Discard)
	require.NoError(t, err)
	require.Equal(t, "health", command)
}

func TestProgramSaysWhyItDoesNotStart(t *testing.T) {
	t.Parallel()
	db := "-database=" + filepath.Join(t.TempDir(), "demo.db")
	for want, args := range map[string][]string{
		"missing":        {},
		"-gateway":       {"-key=a", "-jwt-secret=b", "-gateway=nowhere"},
		"URL":            {"-key=a", "-jwt-secret=b", "-notifier=nowhere"},
		"invalid port":   {"-key=a", "-jwt-secret=b", "-listen=127.0.0.1:99999"},
		"database":       {"-key=a", "-jwt-secret=b", "-listen=127.0.0.1:0", "-database=" + t.TempDir()},
		"connection ref": {"-listen=127.0.0.1:1", "health"},
		"missing port":   {"-listen=here", "health"},
	} {
		err := run(t.Context(), append([]string{db}, args...), func(string) string { return "" }, io.Discard)
		require.ErrorContains(t, err, want, "%v", args)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.Error(t, run(ended, []string{db, "-key=a", "-jwt-secret=b", "-listen=127.0.0.1:0"}, func(string) string { return "" }, io.Discard))
}
