package nginxtest

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// watcher reads a stream as it comes, without judging it.
type watcher struct {
	mu     sync.Mutex
	status int
	proto  string
	header http.Header
	text   strings.Builder
	over   bool
	err    error
}

// watch opens a stream and reads it until it ends or the test does.
func watch(t *testing.T, url string, headers ...string) *watcher {
	t.Helper()
	return watchWith(t, &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true}}, url, headers...)
}

func watchWith(t *testing.T, client *http.Client, url string, headers ...string) *watcher {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	w := &watcher{}
	var reading sync.WaitGroup
	reading.Go(func() { w.end(w.read(client, req)) })
	t.Cleanup(func() { cancel(); reading.Wait() })
	return w
}

func (w *watcher) read(client *http.Client, req *http.Request) error {
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	w.mu.Lock()
	w.status, w.proto, w.header = resp.StatusCode, resp.Proto, resp.Header
	w.mu.Unlock()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		w.mu.Lock()
		w.text.WriteString(lines.Text() + "\n")
		w.mu.Unlock()
	}
	return lines.Err()
}

func (w *watcher) end(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.over, w.err = true, err
}

// opened tells whether the response has begun.
func (w *watcher) opened() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.status != 0
}

// got tells whether a text has arrived.
func (w *watcher) got(text string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Contains(w.text.String(), text)
}

// ended tells whether the stream is over.
func (w *watcher) ended() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.over
}

// await waits until something holds.
func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	require.Eventually(t, holds, waitFor, tick, "%s", what)
}

// never looks for a while that something does not come to hold.
func never(t *testing.T, what string, d time.Duration, holds func() bool) {
	t.Helper()
	require.Never(t, holds, d, tick, "%s", what)
}
