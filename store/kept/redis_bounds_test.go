package kept_test

import (
	"slices"
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

func TestRedisMemoryIsBounded(t *testing.T) {
	t.Parallel()
	server, log := onRedis(t, kept.Config{Retention: func(event.Channel) store.Retention {
		return store.Retention{MaxAge: time.Hour, MaxCount: 100}
	}})
	entries := make([]store.Entry, 200)
	for i := range entries {
		entries[i] = testEntry(`"` + strings.Repeat("x", 200) + `"`)
	}
	for range 50 {
		for _, r := range log.Append(t.Context(), entries) {
			require.NoError(t, r.Err)
		}
	}
	n, err := server.Client().XLen(t.Context(), key).Result()
	require.NoError(t, err)
	require.EqualValues(t, 100, n)
	bytes, err := server.Client().MemoryUsage(t.Context(), key, 0).Result()
	require.NoError(t, err)
	require.Less(t, bytes, int64(100_000), "ten thousand events went through")
	keys, err := server.Client().DBSize(t.Context()).Result()
	require.NoError(t, err)
	require.EqualValues(t, 1, keys)
}

// Whoever asks for a thousand large events has Redis read a few of them, and goes on
// from there: nobody else is served meanwhile.
func TestRedisReadIsBounded(t *testing.T) {
	t.Parallel()
	server, log := onRedis(t, kept.Config{})
	data := `"` + strings.Repeat("x", 60_000) + `"`
	for _, r := range log.Append(t.Context(), slices.Repeat([]store.Entry{testEntry(data)}, 100)) {
		require.NoError(t, r.Err)
	}
	calls := 0
	for after := uint64(0); after < 100; calls++ {
		require.NoError(t, server.Client().ConfigResetStat(t.Context()).Err())
		pages, err := log.Ranges(t.Context(), []store.Range{{Channel: topic, After: after, Limit: 1000}})
		require.NoError(t, err)
		p := pages[0]
		require.NotEmpty(t, p.Events)
		require.Equal(t, after+1, p.Events[0].Seq)
		require.Equal(t, after+uint64(len(p.Events)), p.Last)
		require.LessOrEqual(t, len(p.Events)*len(data), 256<<10)
		stats, err := server.Client().Info(t.Context(), "commandstats").Result()
		require.NoError(t, err)
		require.Contains(t, stats, "cmdstat_xrange:calls=1,", "a chunk is enough for so many bytes")
		after = p.Last
	}
	require.Less(t, calls, 40)
}

// Nothing stays for ever, and a channel stays for a week longer than its events
// are good for.
func TestRedisKeysExpire(t *testing.T) {
	t.Parallel()
	const week = 7 * 24 * time.Hour
	server, log := onRedis(t, kept.Config{Retention: func(event.Channel) store.Retention { return store.Retention{MaxAge: time.Hour} }})
	keyed := testEntry("1")
	keyed.Key = &store.Key{Service: "shop", Value: "k"}
	require.NoError(t, log.Append(t.Context(), []store.Entry{keyed})[0].Err)
	lives := func(key string) time.Duration {
		d, err := server.Client().PTTL(t.Context(), key).Result()
		require.NoError(t, err)
		return d
	}
	require.InDelta(t, (week + time.Hour).Hours(), lives(key).Hours(), 0.5)
	records, err := server.Client().Keys(t.Context(), "bellhop:key:{topic:1}:*").Result()
	require.NoError(t, err)
	require.Len(t, records, 1)
	require.InDelta(t, 24, lives(records[0]).Hours(), 0.5)

	require.NoError(t, server.Client().Expire(t.Context(), key, time.Hour).Err())
	add(t, log, "2")
	require.InDelta(t, (week + time.Hour).Hours(), lives(key).Hours(), 0.5, "each event begins it anew")
}

// An event is never older than the one before it, nor does a clock that was put
// back and forth take away what is not old.
func TestRedisClockThatWasPutBack(t *testing.T) {
	t.Parallel()
	server, log := onRedis(t, kept.Config{Retention: func(event.Channel) store.Retention { return store.Retention{MaxAge: time.Hour} }})
	add(t, log, "1")
	life, _, _ := strings.Cut(server.Client().XInfoStream(t.Context(), key).Val().LastGeneratedID, "-")
	ahead := time.Now().Add(24 * time.Hour).UTC().Truncate(time.Millisecond)
	require.NoError(t, server.Client().Do(t.Context(), "xadd", key, life+"-2",
		"time", strconv.FormatInt(ahead.UnixMilli(), 10), "type", "note", "data", "2", "expires", "0").Err())
	r := add(t, log, "3")
	require.EqualValues(t, 3, r.Seqs[0])
	require.Equal(t, ahead, r.Time)
	require.EqualValues(t, 1, head(t, log, false).Floor, "by that clock the first is old")
	require.EqualValues(t, 4, add(t, log, "4").Seqs[0])
	require.EqualValues(t, 1, head(t, log, false).Floor)
}

// The dates that the script writes are those of Go, at the seams of the calendar.
func TestRedisWritesDatesAsGoDoes(t *testing.T) {
	t.Parallel()
	server, log := onRedis(t, kept.Config{})
	r := listenOn(t, server.URL())
	var want []string
	for i, date := range []string{
		"2096-02-28T23:59:59.999Z", "2096-02-29T00:00:00.000Z", "2096-12-31T23:59:59.999Z", "2097-01-01T00:00:00.001Z",
		"2100-02-28T12:34:56.789Z", "2100-03-01T00:00:00.010Z", "2399-12-31T23:59:59.999Z", "2400-02-29T01:02:03.004Z", "9998-07-31T05:00:00.100Z",
	} {
		at, err := time.Parse(time.RFC3339, date)
		require.NoError(t, err)
		if i == 0 {
			add(t, log, "1")
		}
		info := server.Client().XInfoStream(t.Context(), key).Val()
		life, seq, _ := strings.Cut(info.LastGeneratedID, "-")
		last, err := strconv.Atoi(seq)
		require.NoError(t, err)
		require.NoError(t, server.Client().Do(t.Context(), "xadd", key, life+"-"+strconv.Itoa(last+1),
			"time", strconv.FormatInt(at.UnixMilli(), 10), "type", "note", "data", "2", "expires", "0").Err())
		require.Equal(t, at, add(t, log, "3").Time)
		want = append(want, date)
	}
	var got []string
	for _, m := range r.frames(t, 1+len(want))[1:] {
		_, rest, _ := strings.Cut(m, `"time":"`)
		date, _, _ := strings.Cut(rest, `"`)
		got = append(got, date)
	}
	require.Equal(t, want, got)
}

// A prefix is taken as it is written, and the channels of others are left alone.
func TestRedisWalkKeepsToItsPrefix(t *testing.T) {
	t.Parallel()
	server := testenv.Redis(t)
	client := open(t, server.URL())
	brief := func(event.Channel) store.Retention { return store.Retention{MaxAge: time.Millisecond} }
	mine := kept.NewRedis(client, kept.Config{Prefix: `a[b]*?\:`, Retention: brief, Logger: quiet()})
	other := kept.NewRedis(client, kept.Config{Prefix: `ab?\:`, Retention: brief, Logger: quiet()})
	add(t, mine, "1")
	add(t, other, "1")
	require.Eventually(t, func() bool {
		_, err := mine.Trim(t.Context(), store.KeptCursor{})
		require.NoError(t, err)
		return head(t, mine, false).Floor == 1
	}, waitFor, tick)
	require.Zero(t, head(t, other, false).Floor)
}

// A walk over a Cluster goes on with the node after one that is gone.
func TestRedisClusterWalk(t *testing.T) {
	t.Parallel()
	server := testenv.RedisCluster(t)
	log := kept.NewRedis(open(t, "redis+cluster://"+server.Addr), kept.Config{Logger: quiet()})
	next, err := log.Trim(t.Context(), store.KeptCursor{Node: "0.0.0.0:1", Scan: 12345})
	require.NoError(t, err)
	require.Zero(t, next)
	next, err = log.Trim(t.Context(), store.KeptCursor{Node: "999.0.0.0:1", Scan: 12345})
	require.NoError(t, err)
	require.Zero(t, next)
}
