package kept_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
	"github.com/bellhop/bellhop/store/kept"
)

// documented are the rights that docs/operations.md asks for.
var documented = []any{
	"~bellhop:*", "&bellhop:*", "+@connection", "+@pubsub", "+eval", "+evalsha", "+info", "+time", "+scan", "+get", "+set",
	"+del", "+pexpire", "+xadd", "+xinfo", "+xrange", "+xtrim", "+@hash", "+cluster",
}

func checkAs(t *testing.T, server *testenv.RedisServer, scheme string, rights ...any) error {
	t.Helper()
	require.NoError(t, server.Client().Do(t.Context(), append([]any{"ACL", "SETUSER", "limited", "reset", "on", ">pw"}, rights...)...).Err())
	client := open(t, scheme+"://limited:pw@"+server.Addr)
	bus := fanout.NewRedis(client, fanout.Config{Logger: quiet()})
	return kept.NewRedis(client, kept.Config{Logger: quiet(), Names: bus.Names}).Check(t.Context())
}

func TestRightsThatScriptsLackAreNamed(t *testing.T) {
	t.Parallel()
	for scheme, server := range map[string]*testenv.RedisServer{"redis": testenv.Redis(t), "redis+cluster": testenv.RedisCluster(t)} {
		require.NoError(t, checkAs(t, server, scheme, documented...))
		publish := map[string]string{"redis": "publish", "redis+cluster": "spublish"}[scheme]
		for lacking, named := range map[string]string{
			"info": "INFO", "time": "TIME", "xadd": "XADD", "xinfo": "XINFO", "xrange": "XRANGE", "xtrim": "XTRIM",
			"pexpire": "PEXPIRE", "get": "GET", "set": "SET", "del": "DEL", publish: "PUBLISH", "eval": "EVAL",
		} {
			require.NoError(t, server.Client().ScriptFlush(t.Context()).Err())
			err := checkAs(t, server, scheme, append(slices.Clip(documented), "-"+lacking)...)
			require.ErrorIs(t, err, fanout.ErrUnfit, lacking)
			require.ErrorContains(t, err, named)
		}
		err := checkAs(t, server, scheme, append(slices.Clip(documented), "resetkeys", "~elsewhere:*")...)
		require.ErrorIs(t, err, fanout.ErrUnfit)
		// It leaves nothing, or for a second what it may not delete.
		require.Eventually(t, func() bool { return len(server.Client().Keys(t.Context(), "*").Val()) == 0 }, waitFor, tick)
	}
}

// TestServersWhoseScriptsCannotAskAreUnfit: a server that does not know a command
// stands in for KeyDB and older Dragonflies.
func TestServersWhoseScriptsCannotAskAreUnfit(t *testing.T) {
	t.Parallel()
	for _, command := range []string{"XINFO", "INFO"} {
		server := testenv.Redis(t, "--rename-command", command, "")
		client := open(t, server.URL())
		err := kept.NewRedis(client, kept.Config{Logger: quiet()}).Check(t.Context())
		require.ErrorIs(t, err, fanout.ErrUnfit)
		require.ErrorContains(t, err, "scripts may not "+command)
		require.NoError(t, fanout.NewRedis(client, fanout.Config{Logger: quiet()}).Check(t.Context()), "it can be a bus")
	}
}

func TestEvictionIsToldWhereMemoryIsBounded(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	log := kept.NewRedis(open(t, server.URL()), kept.Config{Logger: quiet()})
	set := func(name, value string) {
		require.NoError(t, server.Client().ConfigSet(t.Context(), name, value).Err())
	}
	set("maxmemory-policy", "volatile-lru")
	require.NoError(t, log.Check(t.Context()), "it has no bound")
	set("maxmemory", "100mb")
	err := log.Check(t.Context())
	require.ErrorIs(t, err, kept.ErrEvicts)
	require.ErrorContains(t, err, "volatile-lru")
	set("maxmemory-policy", "noeviction")
	require.NoError(t, log.Check(t.Context()))
	set("maxmemory", "1mb") // less than it has: full, which is told to publishers
	require.NoError(t, log.Check(t.Context()))
}
