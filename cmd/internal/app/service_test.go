package app

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/cmd/internal/config"
	"github.com/bellhop/bellhop/internal/server"
)

// emptyService is a service of nothing but listeners.
func emptyService(t *testing.T, log *slog.Logger) *Service {
	t.Helper()
	s, err := newService(t.Context(), config.HTTP{Listen: "127.0.0.1:0", AdminListen: "127.0.0.1:0"}, server.Origins{}, 0, log)
	require.NoError(t, err)
	return s
}

func TestPartsEndInReverseAfterTheLastRequest(t *testing.T) {
	t.Parallel()
	s := emptyService(t, slog.New(slog.DiscardHandler))
	var ended []string
	for _, name := range []string{"log", "bus", "hub"} {
		s.onClose(func() error {
			require.Zero(t, status(s.URL()+"/livez"), "nobody is served any more")
			require.Equal(t, 200, status(s.AdminURL()+"/metrics"), "metrics can still be read")
			ended = append(ended, name)
			return nil
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	s.run = append(s.run, func(context.Context) error { cancel(); return nil })
	require.NoError(t, s.Run(ctx))
	require.Equal(t, []string{"hub", "bus", "log"}, ended)
}

func TestFailingPartEndsTheWhole(t *testing.T) {
	t.Parallel()
	broken, alsoBroken := errors.New("broken"), errors.New("can't be closed")
	s := emptyService(t, slog.New(slog.DiscardHandler))
	s.run = append(s.run, func(context.Context) error { return broken })
	s.onClose(func() error { return alsoBroken })
	err := s.Run(t.Context())
	require.ErrorIs(t, err, broken)
	require.ErrorIs(t, err, alsoBroken)
}

func TestLostListenerEndsTheWhole(t *testing.T) {
	t.Parallel()
	for _, lose := range []func(*Service) error{
		func(s *Service) error { return s.public.Close() },
		func(s *Service) error { return s.admin.Close() },
	} {
		s := emptyService(t, slog.New(slog.DiscardHandler))
		require.NoError(t, lose(s))
		require.ErrorContains(t, s.Run(t.Context()), "use of closed network connection")
	}
}

func TestStreamsAreLimitedByDescriptors(t *testing.T) {
	t.Parallel()
	var log console
	s := emptyService(t, slog.New(slog.NewTextHandler(&log, nil)))
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	limit, err := descriptorLimit()
	require.NoError(t, err)

	allowed := s.maxStreams(0)
	require.Positive(t, allowed)
	require.Less(t, uint64(allowed), limit, "some are for other things")
	require.Equal(t, 7, s.maxStreams(7))
	require.NotContains(t, log.String(), "level=WARN")
	require.Equal(t, allowed+1, s.maxStreams(allowed+1))
	require.Contains(t, log.String(), "level=WARN")
}
