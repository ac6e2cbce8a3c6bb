package loadgen

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func newFollower(channels ...string) *follower {
	return &follower{channels: channels, at: make([]position, len(channels))}
}

func eventOf(channel string, seq int, id string) string {
	return fmt.Sprintf("event: load\ndata: {\"channel\":\"%s\",\"seq\":%d,\"type\":\"load\","+
		"\"time\":\"2026-11-21T20:15:28.123Z\",\"data\":{\"at\":%d,\"pad\":\"\"}}\nid: %s",
		channel, seq, time.Date(2026, 11, 21, 20, 15, 28, 120e6, time.UTC).UnixNano(), id)
}

func readyAt(id string) string { return "event: bellhop.ready\ndata: {}\nretry: 1000\nid: " + id }

func TestFollowerCounts(t *testing.T) {
	t.Parallel()
	const a, b = "user:a", "topic:b"
	for name, tt := range map[string]struct {
		blocks []string
		want   Counts
	}{
		"in order": {
			[]string{": hi", readyAt("3.e1@user:a,7.e1@topic:b"), eventOf(a, 4, "4.e1@user:a,7.e1@topic:b"), eventOf(b, 8, "4.e1@user:a,8.e1@topic:b")},
			Counts{Events: 2, Heartbeats: 1},
		},
		"a hole":    {[]string{readyAt("3.e1@user:a,7.e1@topic:b"), eventOf(a, 7, "7.e1@user:a,7.e1@topic:b")}, Counts{Events: 1, Lost: 3}},
		"twice":     {[]string{readyAt("3.e1@user:a,7.e1@topic:b"), eventOf(a, 3, "3.e1@user:a,7.e1@topic:b")}, Counts{Events: 1, Duplicates: 1}},
		"wrong id":  {[]string{eventOf(a, 3, "2.e1@user:a,7.e1@topic:b")}, Counts{Events: 1, Malformed: 1}},
		"no id":     {[]string{"event: load\ndata: {}"}, Counts{Malformed: 1}},
		"id within": {[]string{"id: 1\ndata: x\nid: 2\nevent: y"}, Counts{Malformed: 1}},
		"stranger":  {[]string{eventOf("user:c", 3, "3.e1@user:c")}, Counts{Events: 1, Malformed: 1}},
		"no seq":    {[]string{"event: load\ndata: {\"channel\":\"user:a\"}\nid: 1.e1@user:a"}, Counts{Events: 1, Malformed: 1}},
		"bad seq":   {[]string{"event: load\ndata: {\"channel\":\"user:a\",\"seq\":x}\nid: 1.e1@user:a"}, Counts{Events: 1, Malformed: 1}},
		"no data":   {[]string{"event: load\nid: 1.e1@user:a"}, Counts{Events: 1, Malformed: 1}},
		"reset":     {[]string{"event: bellhop.reset\ndata: {}\nid: 3.e2@user:a,7.e2@topic:b", eventOf(a, 4, "4.e2@user:a,7.e2@topic:b")}, Counts{Events: 1, Resets: 1}},
		"ready that skips": {
			[]string{readyAt("3.e1@user:a,7.e1@topic:b"), readyAt("3.e1@user:a,8.e1@topic:b")},
			Counts{Lost: 1},
		},
		"ready without a channel": {[]string{readyAt("3.e1@user:a")}, Counts{Malformed: 1}},
		"ready without a cursor":  {[]string{readyAt("x")}, Counts{Malformed: 1}},
		"other notices":           {[]string{"event: bellhop.drain\ndata: {}\nid: x"}, Counts{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, j := newFollower(a, b), &checker{now: time.Now()}
			for _, block := range tt.blocks {
				f.block([]byte(block), j)
			}
			require.Equal(t, tt.want, j.counts)
		})
	}
}

func TestFollowerRemembersItsID(t *testing.T) {
	t.Parallel()
	f, j := newFollower("user:a"), &checker{}
	f.block([]byte(readyAt("3.e1@user:a")), j)
	f.block([]byte(eventOf("user:a", 4, "4.e1@user:a")), j)
	require.Equal(t, "4.e1@user:a", string(f.last))
}

func TestLatencies(t *testing.T) {
	t.Parallel()
	f := newFollower("user:a")
	j := &checker{now: time.Date(2026, 11, 21, 20, 15, 28, 130e6, time.UTC)}
	f.block([]byte(eventOf("user:a", 3, "3.e1@user:a")), j)
	require.Zero(t, j.latencies.Post.Count(), "a replayed event says nothing about delivery")
	f.block([]byte(readyAt("3.e1@user:a")), j)
	f.block([]byte(eventOf("user:a", 4, "4.e1@user:a")), j)
	require.Equal(t, 10*time.Millisecond, j.latencies.Post.Most)
	require.Equal(t, 7*time.Millisecond, j.latencies.Append.Most)

	j.now = time.Date(2026, 11, 21, 20, 15, 28, 122e6, time.UTC)
	f.block([]byte(eventOf("user:a", 5, "5.e1@user:a")), j)
	require.Equal(t, 7*time.Millisecond, j.latencies.Append.Most, "a clock that is ahead is no day")
}
