package engine

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/gateway/conn"
	"github.com/bellhop/bellhop/gateway/conn/conntest"
)

const patience = 10 * time.Second

// newEngine starts an engine that ends with the test.
func newEngine(tb testing.TB, cfg Config) *Engine {
	tb.Helper()
	e, err := New(cfg)
	require.NoError(tb, err)
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(tb, e.Stop(ctx))
	})
	return e
}

func TestEngine(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]Config{
		"several shards":    {Shards: 3},
		"tiny send buffers": {Shards: 2, SendBuffer: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEngine(t, cfg)
			conntest.Run(t, func(w http.ResponseWriter, r *http.Request, src conn.Source, opt conn.Options) {
				e.Serve(w, r, nil, src, opt)
			}, conntest.Traits{Reuses: runtime.GOOS != "linux"})
		})
	}
}

// What a loop can't carry is left to the handler.
func TestSuits(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(r *http.Request)
		want   bool
	}{
		"plain":        {func(*http.Request) {}, true},
		"HEAD":         {func(r *http.Request) { r.Method = http.MethodHead }, false},
		"POST":         {func(r *http.Request) { r.Method = http.MethodPost }, false},
		"a body":       {func(r *http.Request) { r.ContentLength = 5 }, false},
		"chunked body": {func(r *http.Request) { r.ContentLength = -1 }, false},
		"HTTP/1.0":     {func(r *http.Request) { r.ProtoMinor = 0 }, false},
		"HTTP/2":       {func(r *http.Request) { r.ProtoMajor, r.ProtoMinor = 2, 0 }, false},
		"TLS":          {func(r *http.Request) { r.TLS = &tls.ConnectionState{} }, false},
		"Unix socket": {func(r *http.Request) {
			*r = *r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, &net.UnixAddr{Name: "/run/x"}))
		}, false},
		"no server": {func(r *http.Request) { *r = *r.WithContext(context.Background()) }, false},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r = r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, &net.TCPAddr{}))
		tt.change(r)
		require.Equal(t, tt.want, suits(r), name)
	}
}
