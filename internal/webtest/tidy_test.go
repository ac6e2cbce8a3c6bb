package webtest

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// asPublisher sends a request with the service's key.
func (h *house) asPublisher(method, path, body string) {
	h.t.Helper()
	req, err := http.NewRequestWithContext(h.t.Context(), method, h.bellhop.URL+path, strings.NewReader(body))
	require.NoError(h.t, err)
	req.Header.Set("Authorization", "Bearer "+serviceKey)
	req.Header.Set("Content-Type", "application/json")
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	require.NoError(h.t, err)
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	require.NoError(h.t, err)
	require.Less(h.t, resp.StatusCode, 300, "%s", answer)
}

// TestWithdrawnEventLeavesEveryBell: a comment is deleted, and its notification goes
// from the bells of two windows; so does what one window archives.
func TestWithdrawnEventLeavesEveryBell(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	one := h.visit(as("mina"))
	two := one.another(h, as("mina"))
	h.publish("mina", texts(1, 2)...)
	h.asPublisher(http.MethodPost, "/v1/events", `{"users":["mina"],"type":"comment","data":{"title":"Comment"},"collapse_key":"comment:7"}`)
	for _, v := range []*visitor{one, two} {
		v.until(inBell(".badge") + `.textContent === "3"`)
		v.js("bell.show()")
		v.shows("* Comment|* Message 2|* Message 1")
	}
	h.asPublisher(http.MethodDelete, "/v1/channels/user:mina/events?"+url.Values{"collapse_key": {"comment:7"}}.Encode(), "")
	for _, v := range []*visitor{one, two} {
		v.shows("* Message 2|* Message 1")
		v.until(inBell(".badge") + `.textContent === "2"`)
	}
	one.js("client.archive([2])")
	for _, v := range []*visitor{one, two} {
		v.shows("* Message 1")
		v.until(inBell(".badge") + `.textContent === "1"`)
	}
	one.js("client.unarchive([2])")
	for _, v := range []*visitor{one, two} {
		v.shows("Message 2|* Message 1")
	}
}
