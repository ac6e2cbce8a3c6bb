package event_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
)

func TestInbox(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("가", 200)
	for subject, want := range map[string]string{
		"42":                    "user:42",
		"auth0|42":              "user:auth0|42",
		strings.Repeat("a", 96): "user:" + strings.Repeat("a", 96),
		"Jane Doe":              "user:~SmFuZSBEb2U",
		"정민":                    "user:~7KCV66-8",
		"https://id/#jane":      "user:~aHR0cHM6Ly9pZC8jamFuZQ",
		"CN=Jane,OU=x":          "user:~Q049SmFuZSxPVT14",
		"a\nb":                  "user:~YQpi",
		"~SmFuZSBEb2U":          "user:~flNtRnVaU0JFYjJV", // looks encoded: it is somebody else
		strings.Repeat("a", 97): "user:~~Kixg_pavrJFR1L2TL9tFvix-F14CsFmEJsrBXDhRHLQ",
		long:                    "",
	} {
		ch, err := event.Inbox(subject)
		require.NoError(t, err, subject)
		if want != "" {
			require.Equal(t, want, string(ch))
		}
		again, err := event.ParseChannel(string(ch))
		require.NoError(t, err)
		require.Equal(t, ch, again)
	}
	for _, subject := range []string{"", "\xff", "a\ufffdb", strings.Repeat("a", event.MaxSubject+1)} {
		_, err := event.Inbox(subject)
		require.ErrorIs(t, err, event.ErrSubject, "%q", subject)
	}
}

// TestNoTwoPeopleShareAnInbox: nothing is folded, normalised or cut.
func TestNoTwoPeopleShareAnInbox(t *testing.T) {
	t.Parallel()
	seen := map[event.Channel]string{}
	for _, subject := range []string{
		"jane", "Jane", "JANE", "jane ", " jane", "j\u00e4ne", "ja\u0308ne", "~jane", "~~jane", "~", "~~", "~SmFuZSBEb2U", "Jane Doe", "jane doe",
		strings.Repeat("x", 96), strings.Repeat("x", 97), strings.Repeat("x", 98), strings.Repeat(" ", 71), strings.Repeat(" ", 72), "user:42", "42",
	} {
		ch, err := event.Inbox(subject)
		require.NoError(t, err)
		require.Empty(t, seen[ch], subject)
		seen[ch] = subject
	}
}

//fuzz:least 3000
func FuzzInbox(f *testing.F) {
	f.Add("42", "~42")
	f.Add("Jane Doe", "~SmFuZSBEb2U")
	f.Fuzz(func(t *testing.T, a, b string) {
		one, err := event.Inbox(a)
		if err != nil {
			require.ErrorIs(t, err, event.ErrSubject)
			require.True(t, a == "" || len(a) > event.MaxSubject || !utf8.ValidString(a) || strings.Contains(a, "\ufffd"))
			return
		}
		_, err = event.ParseChannel(string(one))
		require.NoError(t, err)
		if other, err := event.Inbox(b); err == nil {
			require.Equal(t, a == b, one == other)
		}
		// Whoever is called like somebody's inbox has another one.
		if key := one.Key(); key != a {
			other, err := event.Inbox(key)
			require.NoError(t, err)
			require.NotEqual(t, one, other)
		}
	})
}
