package client_test

import (
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/client"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// Keys of the notifier under test.
const (
	forumKey = "forum-key-0123456789"
	adminKey = "admin-key-0123456789"
)

// startNotifier runs a real one, and returns its address.
func startNotifier(t *testing.T) string {
	t.Helper()
	return testenv.Run(t, testenv.Build(t, "./cmd/bellhop"),
		"BELLHOP_SQLITE="+filepath.Join(t.TempDir(), "bellhop.db"), "BELLHOP_DRAIN=100ms",
		"BELLHOP_JWT_SECRET=0123456789abcdef0123456789abcdef",
		"BELLHOP_SERVICE_KEYS=forum@user+room+topic="+forumKey+",root@user+admin="+adminKey,
	).URL
}

// connect is a client of url whose connections end with the test.
func connect(t *testing.T, url, key string) *client.Client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	c, err := client.New(client.Config{URL: url, Key: key, HTTPClient: &http.Client{Transport: transport}, Timeout: 2 * time.Second})
	require.NoError(t, err)
	return c
}

// kept are the events of a public channel, as type and data.
func kept(t *testing.T, url, channel string) (all []string) {
	t.Helper()
	hc := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	resp, err := hc.Get(url + "/v1/channels/" + channel + "/events?limit=1000")
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusOK, resp.StatusCode)
	var page struct{ Events []sent }
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&page))
	for _, e := range page.Events {
		all = append(all, e.Type+" "+string(e.Data))
	}
	return all
}

func TestRealNotifierTakesWhatIsSent(t *testing.T) {
	t.Parallel()
	url := startNotifier(t)
	forum, admin := connect(t, url, forumKey), connect(t, url+"/", adminKey)

	e := client.Event{Channels: []string{"topic:news"}, Type: "post", Data: json.RawMessage(`{"n":12345678901234567890.10}`), IdempotencyKey: "n-1"}
	first, err := forum.Publish(t.Context(), e)
	require.NoError(t, err)
	again, err := forum.Publish(t.Context(), e)
	require.NoError(t, err)
	require.Equal(t, client.Receipt{Events: first.Events, Replayed: true}, again)

	bad := event("bellhop.mine")
	results, err := forum.PublishBatch(t.Context(), []client.Event{
		{Channels: []string{"topic:news"}, Type: "post", Data: "two", ExpiresAt: time.Now().Add(time.Hour), AskOnline: true},
		bad, e, e,
	})
	require.ErrorIs(t, err, client.ErrInvalid)
	require.NoError(t, results[0].Err)
	require.False(t, *results[0].Events[0].Online)
	require.ErrorContains(t, results[1].Err, "body.events[1].type")
	require.True(t, results[2].Replayed)
	require.True(t, results[3].Replayed)
	require.Equal(t, []string{`post {"n":12345678901234567890.10}`, `post "two"`}, kept(t, url, "topic:news"))

	people, err := connect(t, url, forumKey).Publish(t.Context(), client.Event{Users: []string{"Jane Doe"}, Type: "hi", Data: 1})
	require.NoError(t, err)
	require.Equal(t, "Jane Doe", people.Events[0].User)

	e.Type = "other"
	_, err = forum.Publish(t.Context(), e)
	require.ErrorIs(t, err, client.ErrInvalid, "another event under the same key")
	_, err = forum.Publish(t.Context(), client.Event{Channels: []string{"raffle:1"}, Type: "hi"})
	require.ErrorIs(t, err, client.ErrForbidden)
	_, err = connect(t, url, "wrong").Publish(t.Context(), event("hi"))
	require.ErrorIs(t, err, client.ErrUnauthorized)
	_, err = forum.Publish(t.Context(), client.Event{Channels: []string{"user:42"}, Type: "big", Data: strings.Repeat("x", 65<<10)})
	require.ErrorIs(t, err, client.ErrTooLarge)
	require.ErrorIs(t, forum.Purge(t.Context(), "topic:news"), client.ErrForbidden)
	require.ErrorIs(t, forum.Disconnect(t.Context(), "42"), client.ErrForbidden)
	require.ErrorIs(t, admin.Disconnect(t.Context(), ""), client.ErrInvalid)

	require.NoError(t, admin.Disconnect(t.Context(), "42"))
	require.NoError(t, admin.Purge(t.Context(), "topic:news"))
	require.Empty(t, kept(t, url, "topic:news"))
	// A slash in a channel's name is no step in a path.
	_, err = forum.Publish(t.Context(), client.Event{Channels: []string{"topic:a/b"}, Type: "post", Data: 1})
	require.NoError(t, err)
	require.NoError(t, admin.Purge(t.Context(), "topic:a/b"))
	require.Empty(t, kept(t, url, "topic:a%2Fb"))
}

// TestLostAnswersWriteNothingTwice: the network takes away every answer for a
// while, after the notifier has written the events.
func TestLostAnswersWriteNothingTwice(t *testing.T) {
	t.Parallel()
	url := startNotifier(t)
	proxy := testenv.Proxy(t, strings.TrimPrefix(url, "http://"))
	forum := connect(t, "http://"+proxy.Addr, forumKey)
	var lost atomic.Int32
	proxy.Intercept(func(d testenv.Direction, _ []byte) testenv.Action {
		if d == testenv.ToClient && lost.Add(1) <= 3 {
			return testenv.Cut
		}
		return testenv.Pass
	})
	receipt, err := forum.Publish(t.Context(), client.Event{Channels: []string{"topic:news"}, Type: "one", Data: 1})
	require.NoError(t, err)
	require.True(t, receipt.Replayed)
	require.Equal(t, uint64(1), receipt.Events[0].Seq)

	lost.Store(0)
	events := []client.Event{
		{Channels: []string{"topic:news"}, Type: "two", Data: 2},
		{Channels: []string{"topic:news"}, Type: "three", Data: 3},
	}
	results, err := forum.PublishBatch(t.Context(), events)
	require.NoError(t, err)
	require.True(t, results[0].Replayed)
	require.Equal(t, []string{"one 1", "two 2", "three 3"}, kept(t, url, "topic:news"))
}

// TestQueueOutlivesAnOutage: what is added while the notifier is away arrives
// once it is back, in order.
func TestQueueOutlivesAnOutage(t *testing.T) {
	t.Parallel()
	url := startNotifier(t)
	proxy := testenv.Proxy(t, strings.TrimPrefix(url, "http://"))
	q := connect(t, "http://"+proxy.Addr, forumKey).NewQueue(client.QueueConfig{})
	proxy.Refuse()
	for _, typ := range []string{"one", "two", "three"} {
		require.NoError(t, q.Add(t.Context(), client.Event{Channels: []string{"topic:news"}, Type: typ, Data: 1}))
	}
	proxy.Resume()
	require.NoError(t, q.Close(t.Context()))
	require.Equal(t, []string{"one 1", "two 1", "three 1"}, kept(t, url, "topic:news"))
}
