package app

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/cmd/internal/config"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
	"github.com/bellhop/bellhop/store"
)

const (
	fleetSecret = "0123456789abcdef0123456789abcdef"
	fleetKey    = "fedcba9876543210"
)

// house is what gateways and notifiers stand on in one test.
type house struct {
	primary, replica, redis string
}

func newHouse(t *testing.T) house {
	t.Helper()
	cluster := testenv.MySQL(t, testenv.MariaDB())
	database := cluster.NewDatabase(t)
	return house{
		primary: cluster.Primary.DSN(database),
		replica: cluster.Replica.DSN(database),
		redis:   testenv.Redis(t).URL(),
	}
}

func (h house) environ(more ...string) []string {
	return append([]string{
		"BELLHOP_LISTEN=127.0.0.1:0", "BELLHOP_ADMIN_LISTEN=127.0.0.1:0", "BELLHOP_DRAIN=100ms",
		"BELLHOP_MYSQL_PRIMARY=" + h.primary, "BELLHOP_MYSQL_REPLICAS=" + h.replica, "BELLHOP_REDIS=" + h.redis,
		"BELLHOP_JWT_SECRET=" + fleetSecret, "BELLHOP_SERVICE_KEYS=forum=" + fleetKey,
	}, more...)
}

// run runs a service until the returned function is called or the test ends.
func run(t *testing.T, s *Service) (stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	stop = sync.OnceValue(func() error {
		cancel()
		select {
		case err := <-ended:
			return err
		case <-time.After(patience):
			return context.DeadlineExceeded
		}
	})
	t.Cleanup(func() { require.NoError(t, stop()) })
	return stop
}

func (h house) gateway(t *testing.T) (s *Service, stop func() error) {
	t.Helper()
	var cfg config.Gateway
	_, err := config.Parse(&cfg, nil, h.environ(), io.Discard)
	require.NoError(t, err)
	s, err = NewGateway(t.Context(), &cfg, testenv.Logger(t, testenv.Secrets(h.environ()...)...))
	require.NoError(t, err)
	return s, run(t, s)
}

func (h house) notifier(t *testing.T) (s *Service, stop func() error) {
	t.Helper()
	var cfg config.Notifier
	_, err := config.Parse(&cfg, nil, h.environ(), io.Discard)
	require.NoError(t, err)
	s, err = NewNotifier(t.Context(), &cfg, testenv.Logger(t, testenv.Secrets(h.environ()...)...))
	require.NoError(t, err)
	return s, run(t, s)
}

// command runs one of the notifier's subcommands.
func (h house) command(t *testing.T, args ...string) error {
	t.Helper()
	var cfg config.Notifier
	result, err := config.Parse(&cfg, args, h.environ(), io.Discard)
	require.NoError(t, err)
	inv := Invocation{Command: result.Command, Log: slog.New(slog.DiscardHandler), Stdout: io.Discard}
	return command(t.Context(), &cfg, inv, RunNotifier)
}

func (h house) epoch(t *testing.T) string {
	t.Helper()
	log, err := store.OpenMySQL(t.Context(), store.MySQLConfig{Primary: h.primary})
	require.NoError(t, err)
	defer log.Close()
	heads, err := log.Heads(t.Context(), nil, false)
	require.NoError(t, err)
	return string(heads.Epoch)
}

func eventuallyReady(t *testing.T, s *Service) {
	t.Helper()
	require.Eventually(t, func() bool { return status(s.URL()+"/readyz") == http.StatusOK }, patience, tick)
}

func bearer(t *testing.T, user string) string {
	t.Helper()
	token, err := auth.SignToken(fleetSecret, auth.Claims{Subject: user, Expires: time.Now().Add(time.Hour)})
	require.NoError(t, err)
	return "Bearer " + token
}

// TestEventGoesFromNotifierToGateway is the whole way through both programs, on
// the servers that they are made for.
func TestEventGoesFromNotifierToGateway(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	gateway, stopGateway := h.gateway(t)
	require.Never(t, func() bool { return status(gateway.URL()+"/readyz") == http.StatusOK }, 300*time.Millisecond, 50*time.Millisecond,
		"there is no schema yet")
	notifier, stopNotifier := h.notifier(t)
	eventuallyReady(t, notifier)
	eventuallyReady(t, gateway)

	s := openStream(t, gateway.URL(), "topic:news", "Authorization", bearer(t, "mina"))
	s.waitFor("event: bellhop.ready")
	code, answer := post(t, notifier.URL()+"/v1/events",
		`{"channels":["user:mina"],"type":"comment","data":{"n":12345678901234567890}}`, "Authorization", "Bearer "+fleetKey)
	require.Equal(t, http.StatusCreated, code, answer)
	s.waitFor(`"channel":"user:mina","seq":1,"type":"comment"`)
	s.waitFor(`"data":{"n":12345678901234567890}}`)

	require.NoError(t, stopGateway())
	require.NoError(t, s.err(), "the stream ends properly")
	require.Contains(t, s.text(), "event: bellhop.drain")
	require.NoError(t, stopNotifier())
}

func TestCommandsMaintainTheLog(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	require.NoError(t, h.command(t, "migrate"))
	require.NoError(t, h.command(t, "migrate"), "it may be run again")
	require.NoError(t, h.command(t, "epoch", "new"))
	first := h.epoch(t)
	require.NotEmpty(t, first)
	require.NoError(t, h.command(t, "epoch", "keep"))
	require.Equal(t, first, h.epoch(t))
	require.NoError(t, h.command(t, "epoch", "new"))
	require.NotEqual(t, first, h.epoch(t))
	require.ErrorContains(t, h.command(t, "health", "--listen=127.0.0.1:1"), "refused")

	away := h
	away.primary = "nobody@tcp(127.0.0.1:1)/bellhop"
	require.ErrorIs(t, away.command(t, "migrate"), store.ErrUnavailable)
}

// TestProgramsStartBeforeTheirServers: compose files start everything at once.
func TestProgramsStartBeforeTheirServers(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	cluster := testenv.MySQL(t, testenv.MariaDB())
	proxy := testenv.Proxy(t, cluster.Primary.Addr)
	proxy.Refuse()
	h.primary = cluster.Primary.DSNVia(proxy.Addr, cluster.NewDatabase(t))
	h.replica = ""
	gateway, _ := h.gateway(t)
	notifier, _ := h.notifier(t)
	for _, s := range []*Service{gateway, notifier} {
		require.Eventually(t, func() bool { return status(s.URL()+"/livez") == http.StatusOK }, patience, tick)
		require.Equal(t, http.StatusServiceUnavailable, status(s.URL()+"/readyz"))
	}
	proxy.Resume()
	eventuallyReady(t, notifier)
	eventuallyReady(t, gateway)
}
