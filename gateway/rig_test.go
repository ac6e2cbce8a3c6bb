package gateway_test

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/gateway"
	"github.com/bellhop/bellhop/gateway/hub"
	"github.com/bellhop/bellhop/internal/server"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
	"github.com/bellhop/bellhop/store"
)

const (
	patience = 10 * time.Second
	secret   = "0123456789abcdef0123456789abcdef"
	app      = "https://app.example.com"
)

// faultyLog is a real log that a test can take away, or have answered by a
// replica, and whose questions it can see.
type faultyLog struct {
	*store.DB
	mu     sync.Mutex
	err    error
	stale  bool
	ranges []store.Range
}

func (l *faultyLog) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
}

func (l *faultyLog) setStale() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stale = true
}

func (l *faultyLog) state() (stale bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stale, l.err
}

func (l *faultyLog) Heads(ctx context.Context, channels []event.Channel, fresh bool) (store.Heads, error) {
	stale, err := l.state()
	if err != nil {
		return store.Heads{}, err
	}
	h, err := l.DB.Heads(ctx, channels, fresh)
	h.Stale = h.Stale || stale
	return h, err
}

func (l *faultyLog) Ranges(ctx context.Context, ranges []store.Range) ([]store.Page, error) {
	l.mu.Lock()
	l.ranges = append(l.ranges, ranges...)
	l.mu.Unlock()
	if _, err := l.state(); err != nil {
		return nil, err
	}
	return l.DB.Ranges(ctx, ranges)
}

// rig is a gateway on a real listener, with the embedded log and the bus within
// the process.
type rig struct {
	t       *testing.T
	log     *faultyLog
	bus     *fanout.Memory
	gateway *gateway.Gateway
	server  *server.Server
	metrics *prometheus.Registry
	url     string
	client  *http.Client
	stop    context.CancelFunc // ends the server in order
	done    chan error         // Serve's result
}

func newRig(t *testing.T, change func(*gateway.Config)) *rig {
	t.Helper()
	return newDelayedRig(t, 0, change)
}

// newDelayedRig is one whose server goes on for so long before it drains.
func newDelayedRig(t *testing.T, delay time.Duration, change func(*gateway.Config)) *rig {
	t.Helper()
	quiet := testenv.Logger(t, secret)
	db, err := store.OpenSQLite(t.Context(), filepath.Join(t.TempDir(), "log.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	r := &rig{
		t: t, log: &faultyLog{DB: db}, bus: fanout.NewMemory(fanout.Config{Logger: quiet}),
		metrics: prometheus.NewRegistry(), done: make(chan error, 1),
	}
	h, err := hub.New(hub.Config{
		Log:    r.log,
		Bus:    func(h fanout.Handler) (fanout.Subscriber, error) { return r.bus.Subscriber(h), nil },
		Logger: quiet,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, h.Close()) })
	verifier, err := auth.NewVerifier(auth.TokenConfig{Issuers: []auth.Issuer{{Secrets: []string{secret}}}})
	require.NoError(t, err)
	cfg := gateway.Config{
		Hub: h, Log: r.log, Inbox: r.log, Bus: r.bus, Verifier: verifier, Policies: auth.Builtin(),
		Logger: quiet, Registerer: r.metrics,
	}
	if change != nil {
		change(&cfg)
	}
	r.gateway, err = gateway.New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, r.gateway.Close()) })

	origins, err := server.ParseOrigins([]string{app, "https://*.preview.example.com", "capacitor://localhost"})
	require.NoError(t, err)
	r.server, err = server.New(server.Options{Logger: quiet, Origins: origins, ShutdownTimeout: patience, DrainDelay: delay})
	require.NoError(t, err)
	r.gateway.Register(r.server)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	r.url = "http://" + ln.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	r.stop = cancel
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		r.done <- r.server.Serve(ctx, ln)
	}()
	t.Cleanup(func() {
		cancel()
		<-stopped
	})
	tr := &http.Transport{DisableCompression: true}
	t.Cleanup(tr.CloseIdleConnections)
	r.client = &http.Client{Transport: tr, Timeout: 3 * patience}
	return r
}

// on is the same rig for a subtest, which then fails by itself.
func (r *rig) on(t *testing.T) *rig {
	t.Helper()
	sub := *r
	sub.t = t
	return &sub
}

// publish appends an event and says so on the bus, as a notifier does.
func (r *rig) publish(ch event.Channel, data string) {
	r.t.Helper()
	epoch, done, err := r.log.Append(r.t.Context(), []store.Entry{{Channels: []event.Channel{ch}, Type: "note", Data: []byte(data)}})
	require.NoError(r.t, err)
	e := event.Event{Channel: ch, Seq: done[0].Seqs[0], Type: "note", Time: done[0].Time, Data: []byte(data)}
	_, err = r.bus.Publish(r.t.Context(), []fanout.Message{{Channel: ch, Epoch: epoch, Seq: e.Seq, Frame: event.NewFrame(&e)}})
	require.NoError(r.t, err)
}

// token is somebody's, for an hour.
func token(t *testing.T, sub string, channels ...string) string {
	t.Helper()
	return tokenUntil(t, sub, time.Now().Add(time.Hour), channels...)
}

func tokenUntil(t *testing.T, sub string, expires time.Time, channels ...string) string {
	t.Helper()
	s, err := auth.SignToken(secret, auth.Claims{Subject: sub, Expires: expires, Channels: channels})
	require.NoError(t, err)
	return s
}

// header is one header of a request: name and value.
type header [2]string

func bearer(token string) header { return header{"Authorization", "Bearer " + token} }
func cookie(token string) header { return header{"Cookie", "bellhop_session=" + token} }

func (r *rig) do(method, path string, headers ...header) *http.Response {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.url+path, nil)
	require.NoError(r.t, err)
	for _, h := range headers {
		req.Header.Add(h[0], h[1])
	}
	resp, err := r.client.Do(req)
	require.NoError(r.t, err)
	r.t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

func (r *rig) get(path string, headers ...header) *http.Response {
	r.t.Helper()
	return r.do(http.MethodGet, path, headers...)
}

// problem checks that a response is a problem of this status, and returns it.
func problem(t *testing.T, resp *http.Response, status int) map[string]any {
	t.Helper()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, status, resp.StatusCode, "body: %s", body)
	require.Equal(t, "application/problem+json", resp.Header.Get("Content-Type"))
	require.NotEmpty(t, resp.Header.Get(server.RequestIDHeader))
	var p map[string]any
	require.NoError(t, json.Unmarshal(body, &p), "body: %s", body)
	require.EqualValues(t, status, p["status"])
	require.Equal(t, http.StatusText(status), p["title"])
	return p
}

// counted is the value of the gateway's counter with that label, -1 if it was
// never counted.
func (r *rig) counted(name, reason string) int {
	r.t.Helper()
	families, err := r.metrics.Gather()
	require.NoError(r.t, err)
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			if m.GetLabel()[0].GetValue() == reason {
				return int(m.GetCounter().GetValue())
			}
		}
	}
	return -1
}

func (r *rig) openStreams() int { return r.value("bellhop_streams_open") }

// value is that of a metric without labels; -1: there is none.
func (r *rig) value(name string) int {
	r.t.Helper()
	families, err := r.metrics.Gather()
	require.NoError(r.t, err)
	for _, f := range families {
		if f.GetName() == name {
			m := f.GetMetric()[0]
			return int(m.GetGauge().GetValue() + m.GetCounter().GetValue())
		}
	}
	return -1
}
