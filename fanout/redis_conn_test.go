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
	c := &redisConn{member: new(member), nonce: "new", back: make(chan struct{}, 1)}
	c.probe.Store(new("!probe"))
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
		c := &redisConn{member: newMember(&redisSubscriber{cfg: Config{Prefix: "p:"}}, nil, ""), conn: here}
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
	m := newMember(&redisSubscriber{cfg: Config{ProbeTimeout: soon}}, nil, "")
	m.doubts.of = map[any]struct{}{m: {}}
	c := &redisConn{member: m}
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
		m := newMember(&redisSubscriber{log: slog.New(slog.DiscardHandler), dispatcher: d}, nil, "")
		d.lost("user:1")
		ctx, cancel := context.WithCancel(t.Context())
		connected := make(chan error, 1)
		go func() {
			_, err := m.connect(ctx)
			connected <- err
		}()
		synctest.Wait()
		cancel()
		require.ErrorIs(t, <-connected, context.Canceled)
	})
}
