package app

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDemoRefusesWhatMakesNoSense(t *testing.T) {
	t.Parallel()
	h := startBellhop(t, "--sqlite="+freshDB(t))
	for _, tt := range []struct {
		path, body string
		status     int
		detail     string
	}{
		{"/demo/token", `{"user":"mina"}`, 200, ""},
		{"/demo/token", `{"user":"mi na"}`, 422, "that is no name"},
		{"/demo/token", `{"user":""}`, 422, "that is no name"},
		{"/demo/token", `{"user":`, 400, "not the JSON"},
		{"/demo/token", `{"user":"` + strings.Repeat("x", 17<<20) + `"}`, 413, "too large"},
		{"/demo/events", `{"from":"mina","to":"jonas","text":"hi"}`, 201, ""},
		{"/demo/events", `{"from":"mina","to":"jo nas","text":"hi"}`, 422, "nobody has that name"},
		{"/demo/events", `{"from":"mina","to":"jonas","text":""}`, 422, "a message has 1 to 2000 bytes"},
		{"/demo/events", `{"from":"mina","to":"jonas","text":"` + strings.Repeat("x", 2001) + `"}`, 422, "a message has 1 to 2000 bytes"},
		{"/demo/events", `[]`, 400, "not the JSON"},
	} {
		status, answer := post(t, h.URL()+tt.path, tt.body)
		require.Equal(t, tt.status, status, answer)
		require.Contains(t, answer, tt.detail)
	}
}

// TestDemoAnswersItsOwnPageOnly: it believes everybody who reaches it, and the
// page of any site can reach this machine's ports through its visitor's browser.
func TestDemoAnswersItsOwnPageOnly(t *testing.T) {
	t.Parallel()
	h := startBellhop(t, "--sqlite="+freshDB(t))
	for _, path := range []string{"/demo/token", "/demo/events"} {
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
