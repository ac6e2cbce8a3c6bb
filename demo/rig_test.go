package demo

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/client"
)

const (
	patience = 20 * time.Second
	tick     = 5 * time.Millisecond

	secret = "0123456789abcdef0123456789abcdef"
)

// paper takes everything that is published.
type paper struct {
	mu     sync.Mutex
	events []client.Event
}

func (p *paper) PublishBatch(_ context.Context, events []client.Event) ([]client.Result, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.events = append(p.events, events...)
	return make([]client.Result, len(events)), nil
}

func (p *paper) Withdraw(context.Context, string, string) (int, error) { return 0, nil }

// on are the types of what was published to a channel.
func (p *paper) on(channel string) (types []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.events {
		if e.Channels[0] == channel {
			types = append(types, e.Type)
		}
	}
	return types
}

// rig is a demo that runs.
type rig struct {
	*Demo

	t     *testing.T
	paper *paper
}

func newRig(t *testing.T, change ...func(*Config)) *rig {
	t.Helper()
	r := &rig{t: t, paper: &paper{}}
	cfg := Config{
		Database: filepath.Join(t.TempDir(), "demo.db"), Secret: secret, Notifier: r.paper, Logger: slog.New(slog.DiscardHandler),
	}
	for _, c := range change {
		c(&cfg)
	}
	var err error
	r.Demo, err = New(t.Context(), cfg)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		require.NoError(t, <-ended)
		require.NoError(t, r.Close())
	})
	return r
}

// token is somebody's.
func (r *rig) token(person string) string {
	r.t.Helper()
	token, err := r.sign(person)
	require.NoError(r.t, err)
	return token
}

// send sends a request as a person, or as a visitor if that is empty.
func (r *rig) send(person, method, path, body string) *httptest.ResponseRecorder {
	r.t.Helper()
	req := httptest.NewRequest(method, path, strings.NewReader(body))
	if person != "" {
		req.Header.Set("Authorization", "Bearer "+r.token(person))
	}
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	return w
}

// do is send with an answer of that status, decoded.
func (r *rig) do(status int, person, method, path, body string) map[string]any {
	r.t.Helper()
	w := r.send(person, method, path, body)
	text, err := io.ReadAll(w.Body)
	require.NoError(r.t, err)
	require.Equal(r.t, status, w.Code, "%s %s: %s", method, path, text)
	var answer map[string]any
	require.NoError(r.t, json.Unmarshal(text, &answer), "%s", text)
	want := "application/json"
	if status >= http.StatusBadRequest {
		want = "application/problem+json"
		require.InDelta(r.t, status, answer["status"], 0)
		require.NotEmpty(r.t, answer["detail"])
	}
	require.Equal(r.t, want, w.Header().Get("Content-Type"))
	return answer
}
