package app

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
)

// TestDisconnectLocksSomebodyOut within three seconds, from the request of an
// admin to the end of the stream, by the log's tail and the bus as they come.
func TestDisconnectLocksSomebodyOut(t *testing.T) {
	t.Parallel()
	const key = "0123456789abcdef0123456789abcdef"
	h := startBellhop(t, "--sqlite="+freshDB(t), "--jwt-secret="+key,
		"--service-keys=ops@admin=0123456789abcdef,forum=fedcba9876543210")
	eventuallyReady(t, h.Service)
	token, err := auth.SignToken(key, auth.Claims{Subject: "mina", IssuedAt: time.Now(), Expires: time.Now().Add(time.Hour)})
	require.NoError(t, err)
	person := []string{"Authorization", "Bearer " + token}
	inbox := openStream(t, h.URL(), "topic:a", person...)
	inbox.waitFor("event: bellhop.ready")

	url, admin := h.URL()+"/v1/admin/disconnect", []string{"Authorization", "Bearer 0123456789abcdef"}
	for _, tt := range []struct {
		body   string
		header []string
		want   int
	}{
		{`{"user":"mina"}`, nil, http.StatusUnauthorized},
		{`{"user":"mina"}`, person, http.StatusUnauthorized},
		{`{"user":"mina"}`, []string{"Authorization", "Bearer fedcba9876543210"}, http.StatusForbidden},
		{`{"user":""}`, admin, http.StatusUnprocessableEntity},
		{`{}`, admin, http.StatusUnprocessableEntity},
		{`{"user":`, admin, http.StatusBadRequest},
		{`{"user":"mina"}`, append([]string{"Content-Encoding", "gzip"}, admin...), http.StatusUnsupportedMediaType},
	} {
		status, answer := post(t, url, tt.body, tt.header...)
		require.Equal(t, tt.want, status, "%s: %s", tt.body, answer)
	}
	require.False(t, inbox.ended())

	asked := time.Now()
	status, answer := post(t, url, `{"user":"mina"}`, admin...)
	require.Equal(t, http.StatusNoContent, status, answer)
	require.Eventually(t, inbox.ended, patience, tick)
	require.Less(t, time.Since(asked), 3*time.Second)
	require.NoError(t, inbox.err())
	require.Contains(t, inbox.text(), "event: bellhop.expired")
	status, _ = post(t, h.URL()+"/v1/session", "", person...)
	require.Equal(t, http.StatusUnauthorized, status)
}
