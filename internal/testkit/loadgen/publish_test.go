package loadgen

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPublishTellsFailures(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		switch calls.Add(1) {
		case 1:
			http.Error(w, "the log is away", http.StatusServiceUnavailable)
		case 2:
			_, _ = w.Write([]byte(`{"results":[{"status":201},{"status":422}]}`))
		case 3:
			_, _ = w.Write([]byte(`{`))
		case 4:
			panic(http.ErrAbortHandler)
		default:
			_, _ = w.Write([]byte(`{"results":[{"status":201},{"status":201}]}`))
		}
	}))
	t.Cleanup(srv.Close)
	p := Traffic{
		Notifiers: []string{srv.URL}, Shared: []string{"topic:a"}, Rate: 1000, Burst: 2, Duration: 6 * time.Millisecond, Parallel: 1,
	}.Publish(t.Context())
	require.EqualValues(t, 6, p.Posts)
	require.EqualValues(t, 4, p.Failed)
	require.EqualValues(t, 4, p.Events)
	require.EqualValues(t, 2, p.Commit.Count())
	require.Contains(t, p.Error, "EOF")
}

// An answer that is late delays the posts after it, and they say so.
func TestPublishDoesNotHideDelays(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		<-time.After(30 * time.Millisecond)
		w.WriteHeader(http.StatusCreated)
	}))
	t.Cleanup(srv.Close)
	p := Traffic{
		Notifiers: []string{srv.URL}, Shared: []string{"topic:a"}, Rate: 1000, Duration: 5 * time.Millisecond, Parallel: 1,
	}.Publish(t.Context())
	require.Zero(t, p.Failed)
	require.Greater(t, p.Commit.Most, 140*time.Millisecond)
}

func TestPublishedDataHasItsSize(t *testing.T) {
	t.Parallel()
	bodies := make(chan []byte, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies <- body
		w.WriteHeader(http.StatusCreated)
	}))
	t.Cleanup(srv.Close)
	p := Traffic{Notifiers: []string{srv.URL}, Shared: []string{"topic:a"}, Rate: 1000, Size: 200, Duration: time.Millisecond}.Publish(t.Context())
	require.EqualValues(t, 1, p.Events)
	var posted struct{ Data json.RawMessage }
	require.NoError(t, json.Unmarshal(<-bodies, &posted))
	require.Len(t, posted.Data, 200)
}

func TestPublishEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	p := Traffic{Notifiers: []string{"http://127.0.0.1:1"}, Shared: []string{"topic:a"}, Rate: 0.001, Duration: time.Hour}.Publish(ctx)
	require.LessOrEqual(t, p.Posts, int64(1))
}
