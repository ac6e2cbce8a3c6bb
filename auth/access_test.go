package auth_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/event"
)

func TestMay(t *testing.T) {
	t.Parallel()
	policies, err := auth.NewPolicies(map[string]auth.Policy{
		"topic": {Access: auth.AccessPublic, Log: auth.LogDatabase},
		"news":  {Access: auth.AccessAuthenticated, Log: auth.LogDatabase},
		"room":  {Access: auth.AccessMember, Log: auth.LogDatabase},
		"own":   {Access: auth.AccessOwner, Log: auth.LogDatabase},
	})
	require.NoError(t, err)
	mina := func(patterns ...string) *auth.Claims { return &auth.Claims{Subject: "mina", Channels: patterns} }
	for _, tc := range []struct {
		claims  *auth.Claims
		channel event.Channel
		want    auth.Decision
	}{
		{nil, "topic:a", auth.Allowed},
		{nil, "news:a", auth.NeedsToken},
		{nil, "user:mina", auth.NeedsToken},
		{nil, "room:a", auth.NeedsToken},
		{nil, "unknown:a", auth.NeedsToken},
		{mina(), "topic:a", auth.Allowed},
		{mina(), "news:a", auth.Allowed},
		{mina(), "user:mina", auth.Allowed},
		{mina(), "own:mina", auth.Allowed},
		{mina(), "user:minas", auth.Forbidden},
		{mina(), "user:min", auth.Forbidden},
		{mina(), "user:MINA", auth.Forbidden},
		{mina(), "unknown:a", auth.Forbidden},
		{mina(), "room:a", auth.Forbidden},
		{mina("room:*"), "room:a", auth.Allowed},
		{mina("room:a"), "room:a", auth.Allowed},
		{mina("room:a"), "room:ab", auth.Forbidden},
		{mina("room:eu-*"), "room:eu-1", auth.Allowed},
		{mina("room:eu-*"), "room:us-1", auth.Forbidden},
		{mina("x", "room:b", "room:a"), "room:a", auth.Allowed},
		{mina("*"), "room:a", auth.Forbidden},
		{mina("room*"), "room:a", auth.Forbidden},
		{mina("r*"), "room:a", auth.Forbidden},
		{mina("room:**"), "room:a", auth.Forbidden},
		{mina(""), "room:a", auth.Forbidden},
		{mina("user:*"), "user:other", auth.Forbidden}, // membership opens no inbox
	} {
		require.Equal(t, tc.want, policies.May(tc.claims, tc.channel), "%v %s", tc.claims, tc.channel)
	}
	require.Equal(t, auth.NeedsToken, auth.Policies{}.May(nil, "topic:a"))
	require.Equal(t, auth.Forbidden, auth.Policies{}.May(mina(), "user:mina"))
}
