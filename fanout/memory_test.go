package fanout_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/fanout/fanouttest"
)

func TestMemory(t *testing.T) {
	t.Parallel()
	fanouttest.Run(t, func(_ *testing.T, cfg fanout.Config) fanout.Bus { return fanout.NewMemory(cfg) })
}

func TestMemoryRefusesAContextThatIsOver(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := fanout.NewMemory(fanout.Config{}).Publish(ctx, nil)
	require.ErrorIs(t, err, context.Canceled)
}
