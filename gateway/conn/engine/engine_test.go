package engine

import (
	"context"
	"net/http"
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
