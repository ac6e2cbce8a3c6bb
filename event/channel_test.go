package event_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
)

func TestParseChannel(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"user:42", "raffle:1", "a:b", "topic-2:x_.:@/+=~-|Z9", "user:auth0|5f7c", "room:a:b",
		strings.Repeat("n", event.MaxNamespace) + ":" + strings.Repeat("k", event.MaxKey),
	} {
		ch, err := event.ParseChannel(name)
		require.NoError(t, err, name)
		require.Equal(t, name, string(ch))
		require.Equal(t, name, ch.Namespace()+":"+ch.Key())
	}
	for _, name := range []string{
		"", ":", "user", "user:", ":42", "User:42", "2user:1", "-a:1", "us er:1", "user:4 2", "user:a,b", "user:a\nb",
		"user:a\r", "user:\x00", "user:é", "user:\"", "user:a%20b", "user:a\\b", "us_er:1",
		strings.Repeat("n", event.MaxNamespace+1) + ":1", "user:" + strings.Repeat("k", event.MaxKey+1),
	} {
		_, err := event.ParseChannel(name)
		require.ErrorIs(t, err, event.ErrChannel, "%q", name)
	}
}

//fuzz:least 3000
func FuzzParseChannel(f *testing.F) {
	for _, s := range []string{"user:42", "a:b:c", "user:", ":x", "User:1", "user:a,b", "user:\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ch, err := event.ParseChannel(s)
		if err != nil {
			require.ErrorIs(t, err, event.ErrChannel)
			return
		}
		require.Equal(t, s, string(ch))
		require.LessOrEqual(t, len(s), event.MaxChannel)
		require.False(t, strings.ContainsAny(s, " ,\"\\\r\n\x00"))
		require.True(t, event.ValidNamespace(ch.Namespace()))
		require.NotEmpty(t, ch.Key())
	})
}
