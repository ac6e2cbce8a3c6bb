package kept_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
	"github.com/bellhop/bellhop/store"
	"github.com/bellhop/bellhop/store/kept"
)

// requireAway checks that a log says of itself that it is away.
func requireAway(t *testing.T, log kept.Log) {
	t.Helper()
	for _, fresh := range []bool{false, true} {
		_, err := log.Heads(t.Context(), []event.Channel{topic}, fresh)
		require.ErrorIs(t, err, store.ErrUnavailable)
	}
	_, err := log.Ranges(t.Context(), []store.Range{{Channel: topic, Limit: 1}})
	require.ErrorIs(t, err, store.ErrUnavailable)
	require.ErrorIs(t, log.Purge(t.Context(), topic), store.ErrUnavailable)
	require.ErrorIs(t, log.Append(t.Context(), []store.Entry{testEntry("1")})[0].Err, store.ErrUnavailable)
}

func TestRedisAway(t *testing.T) {
	t.Parallel()
	proxy := testenv.Proxy(t, testenv.Redis(t).Addr)
	log := kept.NewRedis(open(t, "redis://"+proxy.Addr), kept.Config{Logger: quiet()})
	epoch := add(t, log, "1").Epoch
	proxy.Refuse()
	requireAway(t, log)
	_, err := log.Trim(t.Context(), store.KeptCursor{})
	require.ErrorIs(t, err, store.ErrUnavailable)
	require.ErrorIs(t, log.Append(t.Context(), []store.Entry{testEntry("1")})[0].Err, store.ErrNotWritten, "it was not even sent")
	proxy.Resume()
	require.Equal(t, epoch, add(t, log, "2").Epoch)
	require.EqualValues(t, 2, head(t, log, false).Seq)
}

func TestRedisClusterAway(t *testing.T) {
	t.Parallel()
	server := testenv.RedisCluster(t)
	log := kept.NewRedis(open(t, "redis+cluster://"+server.Addr), kept.Config{Logger: quiet()})
	add(t, log, "1")
	server.Kill()
	requireAway(t, log)
	_, err := log.Trim(t.Context(), store.KeptCursor{})
	require.ErrorIs(t, err, store.ErrUnavailable)
	server.Start()
	requireAway(t, log) // a node without slots
}

// An answer that got lost is not asked for again: go-redis would append twice.
func TestRedisAnswerThatGetsLost(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	proxy := testenv.Proxy(t, server.Addr)
	log := kept.NewRedis(open(t, "redis://"+proxy.Addr), kept.Config{Logger: quiet()})
	keyed := testEntry("1")
	keyed.Key = &store.Key{Service: "shop", Value: "k"}
	for i, e := range []store.Entry{testEntry("1"), keyed} {
		add(t, log, "0") // connects, and has the server learn the script
		lost := false
		proxy.Intercept(func(d testenv.Direction, _ []byte) testenv.Action {
			if d == testenv.ToClient && !lost {
				lost = true
				return testenv.Cut
			}
			return testenv.Pass
		})
		err := log.Append(t.Context(), []store.Entry{e})[0].Err
		proxy.Intercept(nil)
		require.ErrorIs(t, err, store.ErrUnavailable)
		require.NotErrorIs(t, err, store.ErrNotWritten, "nobody knows")
		require.EqualValues(t, 2*(i+1), head(t, log, false).Seq, "once")
	}
	again := log.Append(t.Context(), []store.Entry{keyed})[0]
	require.NoError(t, again.Err)
	require.True(t, again.Replayed, "the key tells")
	require.EqualValues(t, 4, again.Seqs[0])
}

func TestRedisForgetsItsScripts(t *testing.T) {
	t.Parallel()
	server, log := onRedis(t, kept.Config{})
	forget := func() { require.NoError(t, server.Client().ScriptFlush(t.Context()).Err()) }
	entries := make([]store.Entry, 50)
	for i := range entries {
		entries[i] = testEntry("1")
	}
	for round := range 3 {
		forget()
		for i, r := range log.Append(t.Context(), entries) {
			require.NoError(t, r.Err)
			require.EqualValues(t, round*len(entries)+i+1, r.Seqs[0])
		}
	}
	forget()
	require.EqualValues(t, 150, head(t, log, false).Seq)
	forget()
	pages, err := log.Ranges(t.Context(), []store.Range{{Channel: topic, Limit: 1}, {Channel: topic, After: 149, Limit: 1}})
	require.NoError(t, err)
	require.EqualValues(t, 150, pages[1].Events[0].Seq)
	forget()
	require.NoError(t, log.Purge(t.Context(), topic))
}

// A full Redis that may not evict refuses, and remembers no key for what it refused.
func TestRedisOutOfMemory(t *testing.T) {
	t.Parallel()
	server, log := onRedis(t, kept.Config{})
	epoch := add(t, log, "1").Epoch
	keyed := testEntry("2")
	keyed.Key = &store.Key{Service: "shop", Value: "k"}
	require.NoError(t, server.Client().ConfigSet(t.Context(), "maxmemory", "1").Err())
	for _, e := range []store.Entry{testEntry("2"), keyed} {
		err := log.Append(t.Context(), []store.Entry{e})[0].Err
		require.ErrorIs(t, err, store.ErrNotWritten)
		require.ErrorIs(t, err, store.ErrUnavailable)
	}
	require.EqualValues(t, 1, head(t, log, false).Seq, "reading goes on")
	require.NoError(t, server.Client().ConfigSet(t.Context(), "maxmemory", "0").Err())
	r := log.Append(t.Context(), []store.Entry{keyed})[0]
	require.NoError(t, r.Err)
	require.False(t, r.Replayed)
	require.Equal(t, epoch, r.Epoch)
}

// Rights that are missing: an event that can't be published is written, and heard
// of by those who look; a server that keeps its name to itself is no log.
func TestRedisAccounts(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	as := func(user string, rules ...any) *kept.Redis {
		require.NoError(t, server.Client().Do(t.Context(), append([]any{"acl", "setuser", user, "on", ">pass", "~bellhop:*"}, rules...)...).Err())
		return kept.NewRedis(open(t, "redis://"+user+":pass@"+server.Addr), kept.Config{
			Retention: func(event.Channel) store.Retention { return store.Retention{MaxAge: time.Hour} }, Logger: quiet(),
		})
	}
	// As docs/operations.md has them.
	least := as("least", "&bellhop:*", "+@connection", "+@pubsub", "+eval", "+evalsha", "+info", "+time",
		"+scan", "+get", "+set", "+del", "+pexpire", "+xadd", "+xinfo", "+xrange", "+xtrim", "+@hash")
	require.Zero(t, add(t, least, "1").Receivers)
	keyed := testEntry("2")
	keyed.Key = &store.Key{Service: "shop", Value: "k"}
	require.NoError(t, least.Append(t.Context(), []store.Entry{keyed})[0].Err)
	require.NoError(t, least.Purge(t.Context(), topic))
	_, err := least.Trim(t.Context(), store.KeptCursor{})
	require.NoError(t, err)

	mute := as("mute", "resetchannels", "+@all")
	require.Equal(t, -1, add(t, mute, "3").Receivers)
	require.EqualValues(t, 3, head(t, least, false).Seq)

	// Old enough that an append has to trim, with whatever right that takes.
	old := strconv.FormatInt(time.Now().Add(-2*time.Hour).UnixMilli(), 10)
	life, _, _ := strings.Cut(server.Client().XInfoStream(t.Context(), key).Val().LastGeneratedID, "-")
	require.NoError(t, server.Client().Del(t.Context(), key).Err())
	for seq := range 3 {
		require.NoError(t, server.Client().Do(t.Context(), "xadd", key, life+"-"+strconv.Itoa(seq+1),
			"time", old, "type", "note", "data", "1", "expires", "0").Err())
	}
	keyed.Key = &store.Key{Service: "shop", Value: "another"}
	for _, right := range []string{"info", "time", "xinfo", "set", "xadd"} {
		without := as("without-"+right, "allchannels", "+@all", "-"+right)
		err := without.Append(t.Context(), []store.Entry{keyed})[0].Err
		require.ErrorIs(t, err, store.ErrNotWritten, right)
		require.ErrorIs(t, err, store.ErrUnavailable, right)
		_, err = without.Heads(t.Context(), []event.Channel{topic}, false)
		require.Equal(t, right == "info" || right == "xinfo", errors.Is(err, store.ErrUnavailable), right)
		require.EqualValues(t, 3, head(t, least, false).Seq, "what is refused is not written, without %s", right)
	}
	lasting := as("lasting", "allchannels", "+@all", "-xtrim", "-pexpire")
	require.Equal(t, []uint64{4}, lasting.Append(t.Context(), []store.Entry{keyed})[0].Seqs, "what is written is not refused, nor is a key remembered for what was")
	require.Equal(t, []uint64{4}, least.Append(t.Context(), []store.Entry{keyed})[0].Seqs, "the same answer")
	require.Zero(t, head(t, least, false).Floor)
	add(t, least, "5")
	require.EqualValues(t, 3, head(t, least, false).Floor, "who may trim does")
	require.NoError(t, server.Client().Del(t.Context(), key).Err())
	keyed.Key = &store.Key{Service: "shop", Value: "third"}
	for range 2 {
		require.ErrorIs(t, lasting.Append(t.Context(), []store.Entry{keyed})[0].Err, store.ErrNotWritten)
	}
	require.Zero(t, server.Client().Exists(t.Context(), key).Val(), "a channel that would stay for ever is not made")
}

// Whatever else stands under a channel's name is an error, stays, and concerns no
// other channel.
func TestRedisKeyOfAnotherKind(t *testing.T) {
	t.Parallel()
	server, log := onRedis(t, kept.Config{Retention: func(event.Channel) store.Retention { return store.Retention{MaxAge: time.Hour} }})
	for _, name := range []string{key, "bellhop:log:{no channel}"} {
		require.NoError(t, server.Client().Set(t.Context(), name, "x", 0).Err())
	}
	require.ErrorIs(t, log.Append(t.Context(), []store.Entry{testEntry("1")})[0].Err, store.ErrNotWritten)
	require.ErrorIs(t, log.Purge(t.Context(), topic), store.ErrUnavailable)
	_, err := log.Ranges(t.Context(), []store.Range{{Channel: topic, Limit: 1}})
	require.ErrorIs(t, err, store.ErrUnavailable)
	neighbour := testEntry("1")
	neighbour.Channels = []event.Channel{"topic:2"}
	require.NoError(t, log.Append(t.Context(), []store.Entry{neighbour})[0].Err)
	heads, err := log.Heads(t.Context(), []event.Channel{topic, "topic:2"}, false)
	require.NoError(t, err)
	require.Empty(t, heads[0].Epoch, "as if it were not there")
	require.EqualValues(t, 1, heads[1].Seq)
	_, err = log.Trim(t.Context(), store.KeptCursor{})
	require.NoError(t, err, "the walk passes it over")
	require.Equal(t, "x", server.Client().Get(t.Context(), key).Val())
	require.NoError(t, server.Client().Del(t.Context(), key).Err())

	require.NoError(t, server.Client().Do(t.Context(), "xadd", key, "7-1", "what", "ever").Err())
	require.ErrorIs(t, log.Append(t.Context(), []store.Entry{testEntry("1")})[0].Err, store.ErrNotWritten)
	_, err = log.Ranges(t.Context(), []store.Range{{Channel: topic, Limit: 1}})
	require.ErrorIs(t, err, store.ErrUnavailable)
	n, err := server.Client().XLen(t.Context(), key).Result()
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
}

// What was deleted by hand is announced as if retention had taken it.
func TestRedisEventsThatAreMissingRaiseTheFloor(t *testing.T) {
	t.Parallel()
	server, log := onRedis(t, kept.Config{})
	for range 10 {
		add(t, log, "1")
	}
	last := server.Client().XInfoStream(t.Context(), key).Val().LastGeneratedID
	life, _, _ := strings.Cut(last, "-")
	for _, seq := range []string{"4", "5", "9", "10"} {
		require.NoError(t, server.Client().XDel(t.Context(), key, life+"-"+seq).Err())
	}
	read := func(after uint64) store.Page {
		pages, err := log.Ranges(t.Context(), []store.Range{{Channel: topic, After: after, Limit: 10}})
		require.NoError(t, err)
		return pages[0]
	}
	require.EqualValues(t, 3, read(0).Last, "a page ends before a hole")
	p := read(3)
	require.EqualValues(t, 5, p.Floor)
	require.EqualValues(t, 8, p.Last)
	require.Len(t, p.Events, 3)
	p = read(8)
	require.EqualValues(t, 10, p.Floor)
	require.EqualValues(t, 10, p.Last)
}

// A walk trims a channel whose newest events were deleted by hand.
func TestRedisTrimsWhatEndsInAHole(t *testing.T) {
	t.Parallel()
	server, log := onRedis(t, kept.Config{Retention: func(event.Channel) store.Retention { return store.Retention{MaxAge: time.Hour} }})
	young := time.Now().UnixMilli()
	old := young - (2 * time.Hour).Milliseconds()
	for seq, at := range []int64{old, old, young, young, young, young} {
		require.NoError(t, server.Client().Do(t.Context(), "xadd", key, "7-"+strconv.Itoa(seq+1),
			"time", strconv.FormatInt(at, 10), "type", "note", "data", "1", "expires", "0").Err())
	}
	require.NoError(t, server.Client().XDel(t.Context(), key, "7-4", "7-5", "7-6").Err())
	_, err := log.Trim(t.Context(), store.KeptCursor{})
	require.NoError(t, err)
	require.EqualValues(t, 2, head(t, log, false).Floor)
	require.EqualValues(t, 7, add(t, log, "2").Seqs[0])
}
