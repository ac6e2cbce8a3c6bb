package app

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// stream is an open stream that collects what it is told.
type stream struct {
	t    *testing.T
	body console
	done chan struct{}
	fail error // set before done is closed
}

// openStream opens a stream of public channels, or of more if headers say who
// asks ("Authorization", "Bearer ...").
func openStream(t *testing.T, url, channel string, header ...string) *stream {
	t.Helper()
	return openStreamAt(t, url+"/v1/stream?lastEventId=0&channel="+channel, header...)
}

// openStreamAt opens the stream of an address.
func openStreamAt(t *testing.T, address string, header ...string) *stream {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	require.NoError(t, err)
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode)
	s := &stream{t: t, done: make(chan struct{})}
	go func() {
		_, s.fail = io.Copy(&s.body, resp.Body)
		_ = resp.Body.Close()
		close(s.done)
	}()
	t.Cleanup(func() { cancel(); <-s.done })
	return s
}

func (s *stream) text() string { return s.body.String() }

func (s *stream) waitFor(text string) {
	s.t.Helper()
	require.Eventually(s.t, func() bool { return strings.Contains(s.text(), text) }, patience, tick, "no %q in %s", text, &s.body)
}

func (s *stream) ended() bool {
	select {
	case <-s.done:
		return true
	default:
		return false
	}
}

// err is how the response ended: nil after its last chunk.
func (s *stream) err() error { <-s.done; return s.fail }

// post sends JSON and returns the answer's status and body, in which no token
// may stand, unless it is asked for.
func post(t *testing.T, url, body string, header ...string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: patience}
	resp, err := client.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	if !strings.HasPrefix(req.URL.Path, "/demo/") {
		testenv.NoSecrets(t, "an answer", string(text))
	}
	return resp.StatusCode, string(text)
}
