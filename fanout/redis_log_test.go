package fanout

import (
	"bytes"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRedisLoggerIsQuietAboveDebug(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	level := new(slog.LevelVar)
	log := redisLogger{slog.New(slog.NewTextHandler(&b, &slog.HandlerOptions{Level: level}))}
	log.Printf(t.Context(), "dial %s: %d", "a:1", 2)
	require.Empty(t, b.String())
	level.Set(slog.LevelDebug)
	log.Printf(t.Context(), "dial %s: %d", "a:1", 2)
	require.Contains(t, b.String(), `level=DEBUG msg="dial a:1: 2" part=redis`)
}
