package client_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/client"
)

func TestNewRefusesWhatCanNotWork(t *testing.T) {
	t.Parallel()
	good := client.Config{URL: "https://bell.example/notifier/", Key: "secret"}
	_, err := client.New(good)
	require.NoError(t, err)
	for name, change := range map[string]func(*client.Config){
		"no address":      func(c *client.Config) { c.URL = "" },
		"no scheme":       func(c *client.Config) { c.URL = "127.0.0.1:8081" },
		"other scheme":    func(c *client.Config) { c.URL = "ftp://bell.example" },
		"no host":         func(c *client.Config) { c.URL = "http:///v1" },
		"no URL":          func(c *client.Config) { c.URL = "http://%zz" },
		"a query":         func(c *client.Config) { c.URL = "http://bell.example?a=b" },
		"an empty query":  func(c *client.Config) { c.URL = "http://bell.example?" },
		"empty fragment":  func(c *client.Config) { c.URL = "http://bell.example#" },
		"no key":          func(c *client.Config) { c.Key = "" },
		"a key of lines":  func(c *client.Config) { c.Key = "a\r\nb" },
		"negative limits": func(c *client.Config) { c.Timeout = -time.Second },
	} {
		c := good
		change(&c)
		_, err := client.New(c)
		require.Error(t, err, name)
	}
}

func TestPublishSendsWhatTheNotifierExpects(t *testing.T) {
	t.Parallel()
	f := inTurn(status(201, `{"events":[{"channel":"user:42","seq":17,"online":true},{"channel":"room:7","seq":3}]}`))
	receipt, err := newClient(t, f).Publish(t.Context(), client.Event{
		Channels:       []string{"user:42", "room:7"},
		Type:           "comment",
		Data:           map[string]any{"text": "<b> & 강아지", "n": json.RawMessage("12345678901234567890")},
		ExpiresAt:      time.Date(2026, 11, 21, 20, 15, 0, 0, time.FixedZone("KST", 9*3600)),
		CollapseKey:    "post:7",
		IdempotencyKey: "comment-1001",
		AskOnline:      true,
	})
	require.NoError(t, err)
	require.False(t, receipt.Replayed)
	require.Len(t, receipt.Events, 2)
	require.Equal(t, uint64(17), receipt.Events[0].Seq)
	require.True(t, *receipt.Events[0].Online)
	require.Nil(t, receipt.Events[1].Online)

	calls := f.record()
	require.Len(t, calls, 1)
	require.Equal(t, "POST", calls[0].method)
	require.Equal(t, "/v1/events?online=true", calls[0].uri)
	require.Equal(t, "Bearer secret", calls[0].header.Get("Authorization"))
	require.Equal(t, "application/json", calls[0].header.Get("Content-Type"))
	require.Equal(t, "comment-1001", calls[0].header.Get("Idempotency-Key"))
	require.Equal(t, `{"channels":["user:42","room:7"],"type":"comment",`+
		`"data":{"n":12345678901234567890,"text":"<b> & 강아지"},`+
		`"expires_at":"2026-11-21T20:15:00+09:00","collapse_key":"post:7"}`, calls[0].body)
}

func TestPublishLeavesOutWhatIsNotSaid(t *testing.T) {
	t.Parallel()
	f := inTurn(status(201, created, "Idempotent-Replayed", "true"))
	receipt, err := newClient(t, f).Publish(t.Context(), client.Event{Channels: []string{"user:42"}, Type: "hi"})
	require.NoError(t, err)
	require.True(t, receipt.Replayed)
	calls := f.record()
	require.Equal(t, "/v1/events", calls[0].uri)
	require.JSONEq(t, `{"channels":["user:42"],"type":"hi","data":null}`, calls[0].body)
	require.GreaterOrEqual(t, len(calls[0].header.Get("Idempotency-Key")), 26, "a key was made up: 128 random bits")
}

func TestPublishRefusesDataThatIsNoJSON(t *testing.T) {
	t.Parallel()
	f := inTurn(status(201, created))
	_, err := newClient(t, f).Publish(t.Context(), client.Event{Channels: []string{"user:42"}, Type: "hi", Data: make(chan int)})
	var unsupported *json.UnsupportedTypeError
	require.ErrorAs(t, err, &unsupported)
	require.Empty(t, f.record())
}

func TestAdminCalls(t *testing.T) {
	t.Parallel()
	f := inTurn(status(503, `{}`), status(204, ""))
	c := newClient(t, f)
	require.NoError(t, c.Purge(t.Context(), "user:a/b"))
	require.NoError(t, c.Disconnect(t.Context(), "42"))
	calls := f.record()
	require.Len(t, calls, 3, "the first was repeated")
	require.Equal(t, "DELETE /v1/channels/user:a%2Fb", calls[1].method+" "+calls[1].uri)
	require.Equal(t, "POST /v1/admin/disconnect", calls[2].method+" "+calls[2].uri)
	require.JSONEq(t, `{"user":"42"}`, calls[2].body)
	require.Empty(t, calls[1].header.Get("Idempotency-Key"))
}

// TestRedirectsAreNotFollowed: net/http would send a GET to the new place, and
// take its 200 for an answer.
func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	f := inTurn(status(http.StatusMovedPermanently, "", "Location", "http://elsewhere.test/v1/events"))
	_, err := newClient(t, f).Publish(t.Context(), event("hi"))
	var refusal *client.Error
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, http.StatusMovedPermanently, refusal.Status)
	require.False(t, refusal.Temporary())
	require.Len(t, f.record(), 1)
}
