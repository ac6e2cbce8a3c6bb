package app

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/cmd/internal/config"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

const (
	patience = 20 * time.Second // far more than anything here takes
	tick     = 10 * time.Millisecond
)

// hotel is a bellhop that runs in this process.
type hotel struct {
	*Service
	stdout *console
	stop   func() error // ends it in order; may be called again
}

// freshDB is the path of a database that does not exist yet.
func freshDB(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "bellhop.db")
}

// startBellhop runs a bellhop with these flags until the test ends. No token and
// no secret may stand in its log.
func startBellhop(t *testing.T, flags ...string) *hotel {
	t.Helper()
	var cfg config.Bellhop
	flags = append([]string{"--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", "--drain=100ms"}, flags...)
	_, err := config.Parse(&cfg, flags, nil, io.Discard)
	require.NoError(t, err)
	h := &hotel{stdout: new(console)}
	h.Service, err = NewBellhop(t.Context(), &cfg, testenv.Logger(t, testenv.Secrets(flags...)...), h.stdout)
	require.NoError(t, err)

	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx) }()
	h.stop = sync.OnceValue(func() error {
		cancel()
		select {
		case err := <-ended:
			return err
		case <-time.After(patience):
			return context.DeadlineExceeded
		}
	})
	t.Cleanup(func() { require.NoError(t, h.stop()) })
	return h
}

// status asks for a path and returns the answer's status, or 0 if there is none.
func status(url string) int {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	resp, err := client.Get(url)
	if err != nil {
		return 0
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

func TestBellhopServesBothAPIsAndTheDemo(t *testing.T) {
	t.Parallel()
	h := startBellhop(t, "--sqlite="+freshDB(t))
	require.Eventually(t, func() bool { return status(h.URL()+"/readyz") == http.StatusOK }, patience, tick)
	for path, want := range map[string]int{
		"/":                            http.StatusOK,
		"/js/main.js":                  http.StatusOK,
		"/bellhop.js":                  http.StatusOK,
		"/api/v1/posts":                http.StatusOK,
		"/livez":                       http.StatusOK,
		"/docs":                        http.StatusOK,
		"/openapi.json":                http.StatusOK,
		"/v1/stream":                   http.StatusUnauthorized,
		"/v1/channels/topic:hi/events": http.StatusOK,
		"/demo/token":                  http.StatusMethodNotAllowed,
		"/metrics":                     http.StatusNotFound,
		"/debug/pprof/":                http.StatusNotFound,
	} {
		require.Equal(t, want, status(h.URL()+path), path)
	}
	require.Equal(t, http.StatusOK, status(h.AdminURL()+"/metrics"))
	require.Equal(t, http.StatusOK, status(h.AdminURL()+"/debug/pprof/"))
}

func TestDemoIsAbsentWhereItIsOff(t *testing.T) {
	t.Parallel()
	h := startBellhop(t, "--sqlite="+freshDB(t),
		"--jwt-secret=0123456789abcdef0123456789abcdef", "--service-keys=forum=0123456789abcdef")
	require.Eventually(t, func() bool { return status(h.URL()+"/readyz") == http.StatusOK }, patience, tick)
	require.Equal(t, http.StatusNotFound, status(h.URL()+"/"))
	require.Equal(t, http.StatusNotFound, status(h.URL()+"/demo/token"))
	require.Empty(t, h.stdout.String(), "keys that are not the demo's are not printed")
}

func TestBellhopNeedsItsPorts(t *testing.T) {
	t.Parallel()
	h := startBellhop(t, "--sqlite="+freshDB(t))
	for taken, flags := range map[string][]string{
		"--listen (BELLHOP_LISTEN): ":             {"--listen=" + h.public.Addr().String(), "--admin-listen=127.0.0.1:0"},
		"--admin-listen (BELLHOP_ADMIN_LISTEN): ": {"--listen=127.0.0.1:0", "--admin-listen=" + h.admin.Addr().String()},
	} {
		var cfg config.Bellhop
		_, err := config.Parse(&cfg, append(flags, "--sqlite="+freshDB(t)), nil, io.Discard)
		require.NoError(t, err)
		_, err = NewBellhop(t.Context(), &cfg, slog.New(slog.DiscardHandler), io.Discard)
		require.ErrorContains(t, err, "address already in use")
		require.ErrorContains(t, err, taken, "the setting that helps is named")
	}
}

func TestSecondBellhopOnOneDatabaseIsRefused(t *testing.T) {
	t.Parallel()
	db := freshDB(t)
	startBellhop(t, "--sqlite="+db)
	var cfg config.Bellhop
	_, err := config.Parse(&cfg, []string{"--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0", "--sqlite=" + db}, nil, io.Discard)
	require.NoError(t, err)
	_, err = NewBellhop(t.Context(), &cfg, slog.New(slog.DiscardHandler), io.Discard)
	require.ErrorContains(t, err, db)
}

// TestStoppedBellhopIsGoneInOrder: its ports and its database are free again,
// and what was acknowledged is still there.
func TestStoppedBellhopIsGoneInOrder(t *testing.T) {
	t.Parallel()
	db := freshDB(t)
	h := startBellhop(t, "--sqlite="+db)
	require.Eventually(t, func() bool { return status(h.URL()+"/readyz") == http.StatusOK }, patience, tick)
	require.NoError(t, h.stop())
	require.Zero(t, status(h.URL()+"/livez"))
	require.Zero(t, status(h.AdminURL()+"/metrics"))

	again := startBellhop(t, "--sqlite="+db, "--listen="+h.public.Addr().String())
	require.Eventually(t, func() bool { return status(again.URL()+"/readyz") == http.StatusOK }, patience, tick)
}
