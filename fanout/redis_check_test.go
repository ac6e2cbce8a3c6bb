package fanout_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/fanout/fanouttest"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// limited makes an account of a server, and returns an address that signs in as it.
func limited(t *testing.T, server *testenv.RedisServer, scheme string, rights ...any) string {
	t.Helper()
	require.NoError(t, server.Client().Do(t.Context(), append([]any{"ACL", "SETUSER", "limited", "reset", "on", ">pw"}, rights...)...).Err())
	return scheme + "://limited:pw@" + server.Addr
}

func check(t *testing.T, address string) error {
	t.Helper()
	return fanout.NewRedis(open(t, address), quiet(fanout.Config{})).Check(t.Context())
}

func TestAddressesThatLeadElsewhereAreUnfit(t *testing.T) {
	t.Parallel()
	single, cluster := testenv.Redis(t), testenv.RedisCluster(t)
	require.NoError(t, check(t, single.URL()))
	require.NoError(t, check(t, "redis+cluster://"+cluster.Addr))
	sentinel := testenv.Sentinel(t, single.Addr)
	require.NoError(t, check(t, "redis+sentinel://"+sentinel+"/main"))

	for address, want := range map[string]string{
		"redis://" + cluster.Addr: "want redis+cluster://",
		"redis://" + sentinel:     "want redis+sentinel://",
	} {
		err := check(t, address)
		require.ErrorIs(t, err, fanout.ErrUnfit)
		require.ErrorContains(t, err, want)
	}
	single.Kill()
	err := check(t, single.URL())
	require.Error(t, err)
	require.NotErrorIs(t, err, fanout.ErrUnfit, "it is away")
}

func TestAccountsThatLackARightAreUnfit(t *testing.T) {
	t.Parallel()
	single, cluster := testenv.Redis(t), testenv.RedisCluster(t)
	for _, at := range []struct {
		server  *testenv.RedisServer
		scheme  string
		publish string
		listen  string
	}{
		{single, "redis", "publish", "subscribe"},
		{cluster, "redis+cluster", "spublish", "ssubscribe"},
	} {
		rights := []any{"+@connection", "+@pubsub", "+info", "+cluster", "&bellhop:*"}
		require.NoError(t, check(t, limited(t, at.server, at.scheme, rights...)))
		for want, more := range map[string]any{
			"PUBLISH on":   "-" + at.publish,
			"SUBSCRIBE to": "-" + at.listen,
		} {
			err := check(t, limited(t, at.server, at.scheme, append(rights, more)...))
			require.ErrorIs(t, err, fanout.ErrUnfit)
			require.ErrorContains(t, err, want)
		}
		err := check(t, limited(t, at.server, at.scheme, "+@all", "&elsewhere*"))
		require.ErrorIs(t, err, fanout.ErrUnfit)
		require.ErrorContains(t, err, "PUBLISH on bellhop:*")
		require.NoError(t, check(t, limited(t, at.server, at.scheme, append(rights, "-info")...)), "who may not ask can be a bus")
	}
}

// TestAccountChangesWithoutANewClient: connections that are made from then on sign in
// with the new password, and subscriptions come back.
func TestAccountChangesWithoutANewClient(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	was := limited(t, server, "redis", "+@all", "&*", "~*")
	account := new(fanout.Account)
	client, err := fanout.OpenRedisAs(was, nil, account)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	bus := fanout.NewRedis(client, quiet(fanout.Config{}))
	r, channels := listen(t, bus, 10)

	require.NoError(t, server.Client().Do(t.Context(), "ACL", "SETUSER", "limited", ">p/w@2", "<pw").Err())
	require.NoError(t, server.Client().ClientKillByFilter(t.Context(), "USER", "limited").Err())
	r.WaitCount(t, fanouttest.Suspect, "", 1)
	require.ErrorIs(t, bus.Check(t.Context()), fanout.ErrAccountRefused)
	is := "redis://limited:p%2Fw%402@" + server.Addr
	require.NoError(t, fanout.SameRedis(was, is))
	require.ErrorIs(t, fanout.SameRedis(was, is+"/1"), fanout.ErrRedisMoved)
	require.ErrorIs(t, fanout.SameRedis(was, "redis://limited:pw@elsewhere:1"), fanout.ErrRedisMoved)
	_, err = account.Renew("redis://a b", nil)
	require.ErrorIs(t, err, fanout.ErrRedisURL)
	changed, err := account.Renew(is, nil)
	require.NoError(t, err)
	require.True(t, changed)
	changed, err = account.Renew(is, nil)
	require.NoError(t, err)
	require.False(t, changed)
	r.WaitCount(t, fanouttest.Trusted, "", 1)
	require.NoError(t, bus.Check(t.Context()))
	requireDelivery(t, bus, r, channels)
}
