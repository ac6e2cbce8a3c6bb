package auth_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
)

func TestBuiltinPolicies(t *testing.T) {
	t.Parallel()
	p := auth.Builtin()
	require.Equal(t, []string{"raffle", "room", "topic", "user"}, p.Namespaces())

	user, ok := p.Lookup("user")
	require.True(t, ok)
	require.Equal(t, auth.Policy{
		Access: auth.AccessOwner, Log: auth.LogDatabase,
		Retention: auth.Retention{MaxAge: 90 * 24 * time.Hour, MaxCount: 1000},
	}, user)

	raffle, ok := p.Lookup("raffle")
	require.True(t, ok)
	require.Equal(t, auth.Policy{
		Access: auth.AccessPublic, Log: auth.LogRedis,
		Retention: auth.Retention{MaxAge: time.Hour, MaxCount: 100},
		Conflate:  true, JoinLatest: true, MaxRate: 10,
	}, raffle)

	_, ok = p.Lookup("nowhere")
	require.False(t, ok)
	_, ok = auth.Policies{}.Lookup("user")
	require.False(t, ok)
}

func TestNewPoliciesCopiesAndKeepsInbox(t *testing.T) {
	t.Parallel()
	m := map[string]auth.Policy{"room": {Access: auth.AccessMember, Log: auth.LogDatabase}}
	p, err := auth.NewPolicies(m)
	require.NoError(t, err)
	m["late"] = auth.Policy{}
	require.Equal(t, []string{"room", "user"}, p.Namespaces())
}

func TestNewPoliciesRefuses(t *testing.T) {
	t.Parallel()
	good := auth.Policy{Access: auth.AccessPublic, Log: auth.LogDatabase}
	for name, c := range map[string]struct {
		namespace string
		change    func(*auth.Policy)
		says      string
	}{
		"bad name":      {"Rooms", func(*auth.Policy) {}, "lower-case letter"},
		"admin":         {"admin", func(*auth.Policy) {}, "admin right"},
		"open inboxes":  {"user", func(*auth.Policy) {}, "access of the inboxes"},
		"no access":     {"room", func(p *auth.Policy) { p.Access = "" }, "access"},
		"no log":        {"room", func(p *auth.Policy) { p.Log = "tape" }, "log"},
		"negative age":  {"room", func(p *auth.Policy) { p.Retention.MaxAge = -1 }, "retention"},
		"negative rate": {"room", func(p *auth.Policy) { p.MaxRate = -1 }, "max_rate"},
		"kept for ever": {"room", func(p *auth.Policy) { p.Log, p.Retention.MaxCount = auth.LogRedis, 10 }, "both limits"},
		"kept all":      {"room", func(p *auth.Policy) { p.Log, p.Retention.MaxAge = auth.LogRedis, time.Hour }, "both limits"},
		"kept inboxes":  {"user", func(p *auth.Policy) { p.Access, p.Log = auth.AccessOwner, auth.LogRedis }, "inboxes are kept in the database"},
		"rate alone":    {"room", func(p *auth.Policy) { p.MaxRate = 5 }, "needs conflate"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := good
			c.change(&p)
			_, err := auth.NewPolicies(map[string]auth.Policy{c.namespace: p})
			require.ErrorIs(t, err, auth.ErrPolicy)
			require.ErrorContains(t, err, c.says)
			require.ErrorContains(t, err, c.namespace)
		})
	}
}
