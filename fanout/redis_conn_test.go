package fanout

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
)

// TestProbeOfAnEarlierConnectionProvesNothing about the one that it arrives on.
func TestProbeOfAnEarlierConnectionProvesNothing(t *testing.T) {
	t.Parallel()
	c := &redisConn{redisSubscriber: &redisSubscriber{probe: "!probe"}, nonce: "new", back: make(chan struct{}, 1)}
	c.message(&push{kind: pushMessage, name: []byte("!probe"), payload: []byte("old")})
	require.Empty(t, c.back)
	c.message(&push{kind: pushMessage, name: []byte("!probe"), payload: []byte("new")})
	require.Len(t, c.back, 1)
}

// TestSubscriptionsAreGathered: those of a crowd that comes within a moment go out in
// one command.
func TestSubscriptionsAreGathered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		here, there := net.Pipe()
		c := &redisConn{redisSubscriber: &redisSubscriber{cfg: Config{Prefix: "p:"}, registry: newRegistry()}, conn: here}
		c.registry.ask(subscribing, []event.Channel{"user:1"})
		flushed := make(chan error, 1)
		go func() { flushed <- errors.Join(c.flush(t.Context()), here.Close()) }()
		synctest.Wait() // for more to come
		c.registry.ask(subscribing, []event.Channel{"user:2"})
		c.registry.ask(unsubscribing, []event.Channel{"user:3"})
		sent, err := io.ReadAll(there)
		require.NoError(t, err)
		want := appendCommand(nil, "SUBSCRIBE", "p:user:1", "p:user:2")
		require.Equal(t, string(appendCommand(want, "UNSUBSCRIBE", "p:user:3")), string(sent))
		require.NoError(t, <-flushed)
	})
}

func TestConnectionWithoutProgressIsGivenUp(t *testing.T) {
	t.Parallel()
	soon := time.Second
	c := &redisConn{redisSubscriber: &redisSubscriber{cfg: Config{ProbeTimeout: soon}, suspect: true}}
	require.NoError(t, c.checkProgress(settleTimeout))
	require.ErrorIs(t, c.checkProgress(settleTimeout+1), errNotSettled)

	c.isReady = true
	require.NoError(t, c.checkProgress(soon))
	require.ErrorIs(t, c.checkProgress(soon+1), errProbe)

	c.unsent.Store(true)
	c.passed = make(chan struct{}) // trust was on its way
	require.NoError(t, c.checkProgress(soon))
	require.NotNil(t, c.passed)
	require.NoError(t, c.checkProgress(soon+1), "not the connection's fault")
	require.Nil(t, c.passed, "doubt takes it back")
}

// TestNoConnectionIsMadeWhileTheHandlerHangs: each would add its answers to those
// that wait. Here it could not be made, for want of a client.
func TestNoConnectionIsMadeWhileTheHandlerHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, d := hang(t)
		s := &redisSubscriber{log: slog.New(slog.DiscardHandler), dispatcher: d}
		d.lost("user:1")
		ctx, cancel := context.WithCancel(t.Context())
		connected := make(chan error, 1)
		go func() {
			_, err := s.connect(ctx)
			connected <- err
		}()
		synctest.Wait()
		cancel()
		require.ErrorIs(t, <-connected, context.Canceled)
	})
}
