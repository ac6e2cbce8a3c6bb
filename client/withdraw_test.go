package client_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/client"
)

func TestRealNotifierWithdrawsByCollapseKey(t *testing.T) {
	t.Parallel()
	url := startNotifier(t)
	forum := connect(t, url, forumKey)
	for _, key := range []string{"a&b", "other", "a&b"} {
		_, err := forum.Publish(t.Context(), client.Event{Channels: []string{"room:a/b"}, Type: "note", Data: key, CollapseKey: key})
		require.NoError(t, err)
	}
	n, err := forum.Withdraw(t.Context(), "room:a/b", "a&b")
	require.NoError(t, err)
	require.Equal(t, 2, n)
	n, err = forum.Withdraw(t.Context(), "room:a/b", "a&b")
	require.NoError(t, err)
	require.Zero(t, n)
	_, err = connect(t, url, adminKey).Withdraw(t.Context(), "room:a/b", "other")
	require.ErrorIs(t, err, client.ErrForbidden)
	_, err = forum.Withdraw(t.Context(), "room:a/b", "")
	require.ErrorIs(t, err, client.ErrInvalid)
	_, err = forum.Withdraw(t.Context(), "topic:a/b", "other")
	require.ErrorContains(t, err, "kept in Redis")
}
