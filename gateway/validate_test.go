package gateway_test

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/store"
)

// TestListsAreValidatedByTheirVersion: who has a list as it is gets 304, and the list
// is not read for it; any change makes another ETag.
func TestListsAreValidatedByTheirVersion(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	mina := bearer(token(t, "mina"))
	for range 2 {
		r.publish("user:mina", "1")
		r.publish("user:tom", "1")
	}
	for gone, path := range []string{"/v1/inbox", "/v1/channels/user:mina/events"} {
		first := r.get(path, mina)
		etag := first.Header.Get("ETag")
		require.Regexp(t, `^W/"[0-9a-f]{24}"$`, etag)
		require.Equal(t, "private, no-cache", first.Header.Get("Cache-Control"))
		for _, have := range []string{etag, strings.TrimPrefix(etag, "W/"), `"x", ` + etag, "*"} {
			r.log.mu.Lock()
			r.log.ranges = nil
			r.log.mu.Unlock()
			resp := r.get(path, mina, header{"If-None-Match", have})
			body, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			require.Equal(t, http.StatusNotModified, resp.StatusCode, have)
			require.Empty(t, body)
			require.Equal(t, etag, resp.Header.Get("ETag"))
			r.log.mu.Lock()
			require.Empty(t, r.log.ranges, "the list is not read")
			r.log.mu.Unlock()
		}
		for _, have := range []string{`W/"x"`, "x", `"` + strings.Repeat("0", 24) + `"`, etag[:10]} {
			require.Equal(t, http.StatusOK, r.get(path, mina, header{"If-None-Match", have}).StatusCode, have)
		}
		// Somebody else's inbox has the same address and as many changes.
		require.Equal(t, http.StatusUnauthorized, r.get(path, header{"If-None-Match", "*"}).StatusCode, "who may not read it learns nothing")
		if path == "/v1/inbox" {
			tom := r.get(path, bearer(token(t, "tom")), header{"If-None-Match", etag})
			require.Equal(t, http.StatusOK, tom.StatusCode)
		} else {
			require.Equal(t, http.StatusForbidden, r.get(path, bearer(token(t, "tom")), header{"If-None-Match", etag}).StatusCode)
		}
		for _, change := range []func(){
			func() { r.publish("user:mina", "2") },
			func() { r.send(http.MethodPost, "/v1/inbox/read", `{"seqs":[1]}`, mina) },
			func() { r.send(http.MethodPost, "/v1/inbox/unread", `{"seqs":[1]}`, mina) },
			func() { r.do(http.MethodDelete, fmt.Sprint("/v1/inbox/", gone+2), mina) },
		} {
			change()
			resp := r.get(path, mina, header{"If-None-Match", etag})
			require.Equal(t, http.StatusOK, resp.StatusCode)
			require.NotEqual(t, etag, resp.Header.Get("ETag"))
			etag = resp.Header.Get("ETag")
		}
	}
	r.log.setStale()
	stale := r.get("/v1/inbox", mina, header{"If-None-Match", "*"})
	require.Equal(t, http.StatusOK, stale.StatusCode, "what may be behind is no answer for good")
	require.Empty(t, stale.Header.Get("ETag"))
	r.log.fail(store.ErrUnavailable)
	problem(t, r.get("/v1/inbox", mina, header{"If-None-Match", "*"}), http.StatusServiceUnavailable)
}

// TestAnswersAreCompressed for who accepts it, if that is worth it; streams never are.
func TestAnswersAreCompressed(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	for range 30 {
		r.publish("topic:a", `{"text":"the same again and again"}`)
	}
	accepts := header{"Accept-Encoding", "br, gzip;q=0.5"}
	const history = "/v1/channels/topic:a/events"
	for _, path := range []string{history, "/openapi.json", "/docs"} {
		plain, err := io.ReadAll(r.get(path).Body)
		require.NoError(t, err)
		resp := r.get(path, accepts)
		require.Equal(t, "gzip", resp.Header.Get("Content-Encoding"), path)
		require.Contains(t, resp.Header.Values("Vary"), "Accept-Encoding")
		packed, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.Less(t, len(packed)*3, len(plain))
		unzip, err := gzip.NewReader(strings.NewReader(string(packed)))
		require.NoError(t, err)
		text, err := io.ReadAll(unzip)
		require.NoError(t, err)
		require.Equal(t, string(plain), string(text))
		require.Equal(t, http.StatusNotModified, r.get(path, accepts, header{"If-None-Match", resp.Header.Get("ETag")}).StatusCode, path)
		for _, refuses := range []string{"", "identity", "gzip;q=0", "gzip; q=0.0", "br", "xgzip"} {
			resp := r.get(path, header{"Accept-Encoding", refuses})
			require.Empty(t, resp.Header.Get("Content-Encoding"), refuses)
			require.Contains(t, resp.Header.Values("Vary"), "Accept-Encoding")
		}
	}
	small := r.get("/v1/channels/topic:none/events", accepts)
	require.Empty(t, small.Header.Get("Content-Encoding"))
	require.True(t, json.Valid(func() []byte { b, _ := io.ReadAll(small.Body); return b }()))
	problem(t, r.get("/v1/channels/user:mina/events", accepts), http.StatusUnauthorized)

	s := r.stream("/v1/stream?channel=topic:a&lastEventId=0", accepts).greeted()
	require.Empty(t, s.resp.Header.Get("Content-Encoding"))
	s.expect("note")
	s.leave()
	require.Eventually(t, func() bool { return r.openStreams() == 0 }, patience, time.Millisecond)
}
