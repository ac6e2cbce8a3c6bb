package app

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/cmd/internal/config"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// TestStartOnARedisThatCannotDoIsRefused, with a sentence that says what it can't.
// Where nothing is kept there the bus alone is enough.
func TestStartOnARedisThatCannotDoIsRefused(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	refused := func(redis, says string) {
		t.Helper()
		h.redis = redis
		var gateway config.Gateway
		_, err := config.Parse(&gateway, nil, h.environ(), io.Discard)
		require.NoError(t, err)
		var notifier config.Notifier
		_, err = config.Parse(&notifier, nil, h.environ(), io.Discard)
		require.NoError(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		g, err := NewGateway(ctx, &gateway, testenv.Logger(t))
		require.NoError(t, err)
		n, err := NewNotifier(ctx, &notifier, testenv.Logger(t))
		require.NoError(t, err)
		for _, s := range []*Service{g, n} {
			err := s.Run(ctx)
			require.ErrorIs(t, err, fanout.ErrUnfit)
			require.ErrorContains(t, err, says)
		}
	}
	refused("redis://"+testenv.RedisCluster(t).Addr, "want redis+cluster://")
	dumb := testenv.Redis(t, "--rename-command", "XINFO", "")
	refused(dumb.URL(), "namespaces with log: redis (raffle, topic): this Redis does not do: scripts may not XINFO")
	require.NoError(t, dumb.Client().Do(t.Context(), "ACL", "SETUSER", "deaf", "on", ">pw", "+@all", "~*", "&elsewhere").Err())
	refused("redis://deaf:pw@"+dumb.Addr, "lacks the right to PUBLISH on bellhop:*")

	h.redis = dumb.URL()
	launch(t, "notifier", nil, h.environ("BELLHOP_LOG_FORMAT=text", testenv.Policies(t, "  topic: {access: public, log: database}")))
}

// TestRedisIsJudgedWhileProgramsRun: what changes is said once, and a password that
// was changed together with its file is taken without anybody's doing.
func TestRedisIsJudgedWhileProgramsRun(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.notifier(t) // makes the schema
	redis := testenv.Redis(t)
	acl := func(rights ...any) {
		t.Helper()
		require.NoError(t, redis.Client().Do(t.Context(), append([]any{"ACL", "SETUSER", "bellhop"}, rights...)...).Err())
	}
	acl("on", ">first", "+@all", "~*", "&*")
	file := filepath.Join(t.TempDir(), "redis")
	write := func(password string) {
		replaceFile(t, file, "redis://bellhop:"+password+"@"+redis.Addr)
	}
	write("first")
	h.redis = ""
	cmd, stderr, _ := launch(t, "gateway", nil, h.environ("BELLHOP_LOG_FORMAT=text", "BELLHOP_REDIS_FILE="+file))
	said := func(text string) {
		t.Helper()
		require.Eventually(t, func() bool { return strings.Contains(stderr.String(), text) }, patience, tick, "%s", stderr)
	}
	said("the bus works")
	said("Redis does what is needed") // the start is over

	acl("-xadd")
	said("scripts may not XADD")
	acl("+xadd")
	require.Eventually(t, func() bool { return strings.Count(stderr.String(), "Redis does what is needed") == 2 }, patience, tick, "%s", stderr)

	write("second")
	acl("resetpass", ">second")
	require.NoError(t, redis.Client().ClientKillByFilter(t.Context(), "USER", "bellhop").Err())
	said(`changed="[account of Redis]"`)
	proven := strings.Count(stderr.String(), "the bus works")
	require.Eventually(t, func() bool { return strings.Count(stderr.String(), "the bus works") >= max(proven, 2) }, patience, tick, "%s", stderr)
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	require.NoError(t, cmd.Wait())
	require.Equal(t, 1, strings.Count(stderr.String(), "scripts may not XADD"), stderr)
}
