package client_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/client"
)

func TestRealNotifierTellsOfWhatIsMuted(t *testing.T) {
	t.Parallel()
	url := startNotifier(t)
	token, err := auth.SignToken("0123456789abcdef0123456789abcdef", auth.Claims{Subject: "42", Expires: time.Now().Add(time.Hour)})
	require.NoError(t, err)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url+"/v1/inbox/preferences", strings.NewReader(`{"muted":["like"]}`))
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	hc := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	resp, err := hc.Do(r)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusOK, resp.StatusCode)

	forum := connect(t, url, forumKey)
	like := client.Event{Channels: []string{"user:42", "user:43"}, Type: "like", Data: 1, IdempotencyKey: "like-1"}
	muted := []client.Position{{Channel: "user:42", Muted: true}, {Channel: "user:43", Seq: 1}}
	receipt, err := forum.Publish(t.Context(), like)
	require.NoError(t, err)
	require.Equal(t, client.Receipt{Events: muted}, receipt)
	results, err := forum.PublishBatch(t.Context(), []client.Event{like})
	require.NoError(t, err)
	require.Equal(t, client.Receipt{Events: muted, Replayed: true}, results[0].Receipt)
	like.IdempotencyKey, like.Critical = "", true
	receipt, err = forum.Publish(t.Context(), like)
	require.NoError(t, err)
	require.Equal(t, []client.Position{{Channel: "user:42", Seq: 1}, {Channel: "user:43", Seq: 2}}, receipt.Events)
}
