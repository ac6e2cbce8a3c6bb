package app

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// tokenOf has the demo sign somebody in.
func tokenOf(t *testing.T, h *hotel, person string) string {
	t.Helper()
	code, answer := post(t, h.URL()+"/demo/token", `{"user":"`+person+`"}`)
	require.Equal(t, http.StatusOK, code, answer)
	_, token, _ := strings.Cut(answer, `"token":"`)
	token, _, _ = strings.Cut(token, `"`)
	return token
}

// TestDemoIsTheProduct: what it does has tests of its own; here it is put together.
func TestDemoIsTheProduct(t *testing.T) {
	t.Parallel()
	h := startBellhop(t, "--sqlite="+freshDB(t))
	eventuallyReady(t, h.Service)
	token := tokenOf(t, h, "mina")

	// One secret: the product's token opens Bellhop's stream, and its notifications
	// are in it.
	inbox := openStream(t, h.URL(), "topic:post-3", "Authorization", "Bearer "+token)
	inbox.waitFor(`"type":"reply"`)
	inbox.waitFor("event: bellhop.ready")
	code, answer := post(t, h.URL()+"/api/v1/notes", `{"to":"mina","text":"to myself"}`, "Authorization", "Bearer "+token)
	require.Equal(t, http.StatusCreated, code, answer)
	code, answer = post(t, h.URL()+"/api/v1/posts/3/comments", `{"text":"how are they?"}`, "Authorization", "Bearer "+token)
	require.Equal(t, http.StatusCreated, code, answer)
	inbox.waitFor(`"type":"post.comment"`)
	require.NotContains(t, inbox.text(), "to myself", "nobody is told of their own acts")

	code, answer = post(t, h.URL()+"/api/v1/nothing", `{}`)
	require.Equal(t, http.StatusNotFound, code, answer)
	require.Contains(t, answer, `"status":404`)
	require.Equal(t, http.StatusNotFound, status(h.URL()+"/api/v1/nothing"))
	require.Equal(t, http.StatusNotFound, status(h.URL()+"/nothing.js"))
}

// TestDemoCountsStreams as the page shows them.
func TestDemoCountsStreams(t *testing.T) {
	t.Parallel()
	h := startBellhop(t, "--sqlite="+freshDB(t))
	openStream(t, h.URL(), "topic:news").waitFor("event: bellhop.ready")
	require.Contains(t, fetched(h.URL()+"/api/v1/vitals"), `"streams":1`)
}

// TestDemoAnswersItsOwnPageOnly: it believes everybody who reaches it, and the
// page of any site can reach this machine's ports through its visitor's browser.
func TestDemoAnswersItsOwnPageOnly(t *testing.T) {
	t.Parallel()
	h := startBellhop(t, "--sqlite="+freshDB(t))
	for _, path := range []string{"/demo/token", "/api/v1/raffles/1/participate"} {
		for _, header := range [][]string{
			{"Origin", "https://evil.example"},
			{"Sec-Fetch-Site", "cross-site"},
			{"Sec-Fetch-Site", "same-site"},
		} {
			status, answer := post(t, h.URL()+path, `{"user":"mina"}`, header...)
			require.Equal(t, http.StatusForbidden, status, answer)
			require.Contains(t, answer, "its own page only")
		}
	}
	status, _ := post(t, h.URL()+"/demo/token", `{"user":"mina"}`, "Origin", h.URL(), "Sec-Fetch-Site", "same-origin")
	require.Equal(t, http.StatusOK, status)
}
