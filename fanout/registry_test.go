package fanout

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
)

const ch event.Channel = "user:1"

// An answer to an earlier question must not pass for that to a later one: they
// carry no numbers.
func TestRegistryTakesNoLateAnswerForOneToALaterQuestion(t *testing.T) {
	t.Parallel()
	r := newRegistry()
	r.ask(subscribing, []event.Channel{ch})
	require.True(t, r.subscribed(ch))
	r.renew() // the new connection asks again, and before it is answered:
	r.ask(unsubscribing, []event.Channel{ch})
	require.False(t, r.subscribed(ch), "answered while the channel is being given up")
	require.True(t, r.unsubscribed(ch))
	require.False(t, r.unsubscribed(ch), "told twice")
	require.False(t, r.subscribed(ch), "told of a channel that nobody wants")
	r.ask(subscribing, []event.Channel{ch})
	require.False(t, r.unsubscribed(ch))
	require.True(t, r.subscribed(ch))
}

func TestRegistrySendsEachQuestionOnce(t *testing.T) {
	t.Parallel()
	r := newRegistry()
	r.ask(subscribing, []event.Channel{ch, "user:2"})
	r.ask(subscribing, []event.Channel{ch})
	subscribe, unsubscribe := r.take()
	require.Equal(t, []event.Channel{ch, "user:2"}, subscribe)
	require.Empty(t, unsubscribe)
	subscribe, unsubscribe = r.take()
	require.Empty(t, subscribe)
	require.Empty(t, unsubscribe)
	r.ask(unsubscribing, []event.Channel{ch})
	subscribe, unsubscribe = r.take()
	require.Empty(t, subscribe)
	require.Equal(t, []event.Channel{ch}, unsubscribe)
}

func TestRegistryAsksAgainOnANewConnection(t *testing.T) {
	t.Parallel()
	r := newRegistry()
	r.ask(subscribing, []event.Channel{ch, "user:2", "user:3"})
	r.take()
	require.True(t, r.subscribed("user:2"))
	require.True(t, r.subscribed("user:3"))
	r.ask(unsubscribing, []event.Channel{"user:3"})

	subscribe, ended := r.renew()
	require.ElementsMatch(t, []event.Channel{ch, "user:2"}, subscribe)
	require.Equal(t, []event.Channel{"user:3"}, ended, "a new connection has no subscriptions")
	subscribe, unsubscribe := r.take()
	require.Empty(t, subscribe)
	require.Empty(t, unsubscribe, "what the new connection was told already")
	require.True(t, r.subscribed(ch))
	require.False(t, r.unsubscribed("user:3"))
}
