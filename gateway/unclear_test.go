package gateway_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestParametersWithoutAValueAreRefused: whoever asks for ?unread gets all otherwise, and
// an empty before is the first page again. A list may be empty.
func TestParametersWithoutAValueAreRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	mina := bearer(token(t, "mina"))
	for path, says := range map[string]string{
		"/v1/inbox?unread":                     "unread has no value: leave it out, or write unread=VALUE",
		"/v1/inbox?archived=":                  "archived has no value",
		"/v1/inbox?limit=5&before=":            "before has no value",
		"/v1/inbox?limit=":                     "limit has no value",
		"/v1/inbox?type=a&type=b":              "type is given twice: write type=A,B",
		"/v1/inbox?type[]=a&type[]=b":          "type[]: write type=A,B",
		"/v1/inbox?limit[]=1":                  "limit[]: write limit=VALUE",
		"/v1/channels/topic:a/events?after=":   "after has no value",
		"/v1/channels/topic:a/events?after":    "after has no value",
		"/v1/channels/topic:a/events?before=1": "known are after, limit",
		"/v1/stream?channel[]=topic:a":         "channel[]: write channel, once for each value",
		"/v1/stream?channel=topic:a,topic:b":   "channel=topic:a&channel=topic:b",
	} {
		require.Contains(t, problem(t, r.get(path, mina), http.StatusBadRequest)["detail"], says, path)
	}
	require.Equal(t, http.StatusOK, r.get("/v1/inbox?type=", mina).StatusCode)
}

// TestRefusalsReadAsTheyAre: people see them in a terminal, without a JSON parser.
func TestRefusalsReadAsTheyAre(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	for path, says := range map[string]string{
		"/v1/stream?channel=topic:a,topic:b": "channel=topic:a&channel=topic:b",
		"/v1/inbox?a;b":                      "joined by &, and %XX",
		"/v1/stream?channel=topic:é":         "character 'é' is not allowed in a key",
		"/v1/channels/topic:정민/events":       "character '정' is not allowed in a key",
	} {
		body, err := io.ReadAll(r.get(path, bearer(token(t, "mina"))).Body)
		require.NoError(t, err)
		require.Contains(t, string(body), says)
	}
}
