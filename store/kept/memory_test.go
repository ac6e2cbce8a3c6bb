package kept_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/store"
	"github.com/bellhop/bellhop/store/kept"
)

func inMemory(cfg kept.Config) *kept.Memory {
	cfg.Logger = quiet()
	return kept.NewMemory(fanout.NewMemory(fanout.Config{Logger: quiet()}), cfg)
}

func on(t *testing.T, log kept.Log, ch event.Channel, data string) store.KeptAppended {
	t.Helper()
	e := testEntry(data)
	e.Channels = []event.Channel{ch}
	r := log.Append(t.Context(), []store.Entry{e})[0]
	require.NoError(t, r.Err)
	return r
}

// A start is a new life, because all is gone.
func TestMemoryBeginsANewEpochWithEachStart(t *testing.T) {
	t.Parallel()
	before, after := add(t, inMemory(kept.Config{}), "1"), add(t, inMemory(kept.Config{}), "1")
	require.Equal(t, before.Seqs, after.Seqs)
	require.NotEqual(t, before.Epoch, after.Epoch)
}

func TestMemoryForgetsQuietChannels(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const week = 7 * 24 * time.Hour
		log := inMemory(kept.Config{Retention: func(ch event.Channel) store.Retention {
			if ch == "topic:long" {
				return store.Retention{MaxAge: 2 * week}
			}
			return store.Retention{MaxAge: time.Hour}
		}})
		long := on(t, log, "topic:long", "1")
		on(t, log, "topic:quiet", "1")
		before := add(t, log, "1")
		<-time.After(week)
		require.Equal(t, before.Epoch, head(t, log, false).Epoch)
		require.Equal(t, before.Epoch, add(t, log, "2").Epoch)
		<-time.After(week + time.Hour)
		require.Equal(t, before.Epoch, head(t, log, false).Epoch, "each event begins it anew")
		<-time.After(time.Second)
		require.Empty(t, head(t, log, false).Epoch)
		require.NotEqual(t, before.Epoch, add(t, log, "1").Epoch)
		require.Equal(t, long.Epoch, on(t, log, "topic:long", "2").Epoch)
		heads, err := log.Heads(t.Context(), []event.Channel{"topic:quiet"}, false)
		require.NoError(t, err)
		require.Empty(t, heads[0].Epoch)

		<-time.After(4 * week)
		on(t, log, "topic:new", "1")
		require.Equal(t, 1, log.Channels(), "those whose time is over go without being asked for")
	})
}

func TestMemoryTrimsByAge(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := inMemory(kept.Config{Retention: func(event.Channel) store.Retention { return store.Retention{MaxAge: time.Hour, MaxCount: 5} }})
		add(t, log, "1")
		<-time.After(40 * time.Minute)
		add(t, log, "2")
		<-time.After(21 * time.Minute)
		add(t, log, "3")
		require.EqualValues(t, 1, head(t, log, false).Floor)
		<-time.After(2 * time.Hour)
		add(t, log, "4")
		require.EqualValues(t, 3, head(t, log, false).Floor)
	})
}

func TestMemoryForgetsKeysAfterADay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := inMemory(kept.Config{})
		e := testEntry("1")
		e.Key = &store.Key{Service: "shop", Value: "k"}
		require.False(t, log.Append(t.Context(), []store.Entry{e})[0].Replayed)
		<-time.After(24 * time.Hour)
		require.True(t, log.Append(t.Context(), []store.Entry{e})[0].Replayed)
		<-time.After(time.Second)
		r := log.Append(t.Context(), []store.Entry{e})[0]
		require.False(t, r.Replayed)
		require.EqualValues(t, 2, r.Seqs[0])
	})
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	log := inMemory(kept.Config{MaxBytes: 100_000})
	kilobyte := `"` + strings.Repeat("x", 1000) + `"`
	first := on(t, log, "topic:first", kilobyte)
	for range 50 {
		on(t, log, "topic:second", kilobyte)
	}
	require.Equal(t, first.Epoch, on(t, log, "topic:first", kilobyte).Epoch)
	for range 50 {
		add(t, log, kilobyte)
	}
	heads, err := log.Heads(t.Context(), []event.Channel{"topic:first", "topic:second", topic}, false)
	require.NoError(t, err)
	require.Equal(t, first.Epoch, heads[0].Epoch)
	require.Empty(t, heads[1].Epoch, "the one that was quiet for the longest is forgotten")
	require.Zero(t, heads[2].Floor)

	for range 200 {
		add(t, log, kilobyte)
	}
	require.LessOrEqual(t, log.Bytes(), 100_000)
	last := head(t, log, false)
	require.EqualValues(t, 250, last.Seq)
	require.Greater(t, last.Floor, uint64(150), "alone, a channel loses its oldest events")
	require.Equal(t, heads[2].Epoch, last.Epoch)

	for i := range 1000 {
		e := testEntry("1")
		e.Key = &store.Key{Service: "shop", Value: strings.Repeat("k", i%200+1) + string(rune('a'+i/200))}
		require.NoError(t, log.Append(t.Context(), []store.Entry{e})[0].Err)
	}
	require.LessOrEqual(t, log.Bytes(), 100_000, "keys count as well")
	add(t, log, `"`+strings.Repeat("x", 200_000)+`"`)
	require.EqualValues(t, 1251, head(t, log, false).Seq, "a single event may be larger")
}

// Idempotency keys have a share of the memory: what is published under keys takes no
// events, nor channels, away, and what is published without takes no keys away.
func TestMemoryOfKeysAndOfEventsAreBoundedApart(t *testing.T) {
	t.Parallel()
	const most = 1 << 20
	log := inMemory(kept.Config{MaxBytes: most, Retention: func(event.Channel) store.Retention { return store.Retention{MaxCount: 100} }})
	under := func(key string, ch event.Channel) store.KeptAppended {
		e := testEntry("1")
		e.Channels = []event.Channel{ch}
		e.Key = &store.Key{Service: "shop", Value: key}
		r := log.Append(t.Context(), []store.Entry{e})[0]
		require.NoError(t, r.Err)
		return r
	}
	silent := on(t, log, "topic:silent", "1")
	epochs := []event.Epoch{on(t, log, "topic:0", "1").Epoch, on(t, log, "topic:1", "1").Epoch}
	for i := range 5000 {
		ch := i % 2
		require.Equal(t, epochs[ch], under(strconv.Itoa(i), event.Channel("topic:"+strconv.Itoa(ch))).Epoch, "event %d", i)
	}
	require.LessOrEqual(t, log.Bytes(), most)
	require.Equal(t, silent.Epoch, on(t, log, "topic:silent", "2").Epoch)
	pages, err := log.Ranges(t.Context(), []store.Range{{Channel: "topic:1", Limit: 1000}})
	require.NoError(t, err)
	require.Len(t, pages[0].Events, 100, "as many as retention keeps")

	last := under("last", "topic:0")
	for i := range 2000 {
		on(t, log, event.Channel("topic:many-"+strconv.Itoa(i)), `"`+strings.Repeat("x", 1000)+`"`)
	}
	require.LessOrEqual(t, log.Bytes(), most)
	require.Equal(t, last.Seqs, under("last", "topic:0").Seqs)
	require.False(t, under("0", "topic:0").Replayed, "the oldest keys are forgotten first")
	require.True(t, under("4999", "topic:1").Replayed)
}

// A channel whose events are all gone still takes memory, for a week.
func TestMemoryOfEmptyChannelsIsBounded(t *testing.T) {
	t.Parallel()
	log := inMemory(kept.Config{MaxBytes: 100_000})
	for i := range 2000 {
		ch := event.Channel("topic:" + strconv.Itoa(i))
		on(t, log, ch, "1")
		require.NoError(t, log.Purge(t.Context(), ch))
	}
	require.LessOrEqual(t, log.Bytes(), 100_000)
	require.InDelta(t, 300, log.Channels(), 100)
	for i := range 2000 {
		if ch := event.Channel("topic:" + strconv.Itoa(i)); log.Has(ch) {
			log.Forget(ch)
		}
	}
	require.Zero(t, log.Bytes())
}

// A bus that fails takes nothing from the log.
func TestMemoryOnABusThatFails(t *testing.T) {
	t.Parallel()
	log := kept.NewMemory(failingBus{}, kept.Config{Logger: quiet()})
	require.Equal(t, -1, add(t, log, "1").Receivers)
	require.NoError(t, log.Purge(t.Context(), topic))
	require.EqualValues(t, 1, head(t, log, false).Floor)
}

type failingBus struct{}

func (failingBus) Publish(context.Context, []fanout.Message) ([]int, error) {
	return nil, errors.New("no bus")
}
