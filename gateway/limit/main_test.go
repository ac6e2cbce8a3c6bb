package limit_test

import (
	"log/slog"
	"testing"

	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

func TestMain(m *testing.M) {
	fanout.SetRedisLogger(slog.New(slog.DiscardHandler))
	testenv.Main(m)
}
