package chaos

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/sse"
)

const (
	raffle = event.Channel("raffle:1") // kept in Redis, conflated

	watchers = 10 // of it, who never leave
	period   = 50 * time.Millisecond
	patience = time.Minute
)

// show is a raffle whose value changes all the time, and a crowd that watches it.
type show struct {
	fleet  *fleet
	client *http.Client
	crowd  []*watcher
	stop   context.CancelFunc // publishing
	done   sync.WaitGroup
	value  int // the newest one that was published; the publisher's, then finish's
}

// watcher is one of the crowd. It comes back with its id whenever its stream ends.
type watcher struct {
	mu     sync.Mutex
	value  int    // that came last
	seq    uint64 // of that one
	resets int
	wrong  string // the first promise that was broken
}

// openShow begins a show, and returns once everybody has a value.
func (f *fleet) openShow(t *testing.T) *show {
	t.Helper()
	s := &show{fleet: f, client: &http.Client{Transport: &http.Transport{}}}
	ctx, cancel := context.WithCancel(context.Background())
	publishing, stop := context.WithCancel(ctx)
	s.stop = stop
	var away sync.WaitGroup
	t.Cleanup(func() {
		cancel()
		s.done.Wait()
		away.Wait()
		s.client.CloseIdleConnections()
	})
	for range watchers {
		w := &watcher{}
		s.crowd = append(s.crowd, w)
		away.Go(func() { w.watch(ctx, s) })
	}
	s.done.Go(func() {
		for tick := time.NewTicker(period); publishing.Err() == nil; {
			select {
			case <-tick.C:
				s.publish()
			case <-publishing.Done():
				tick.Stop()
			}
		}
	})
	s.await(t, "a first value", func(w *watcher) bool { return w.value > 0 })
	return s
}

// publish publishes the next value, once: an old value is worth nothing.
func (s *show) publish() (accepted bool) {
	urls := s.fleet.up(s.fleet.notifiers)
	if len(urls) == 0 {
		return false
	}
	s.value++
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	body := fmt.Sprintf(`{"channels":[%q],"type":"probability","data":%d}`, raffle, s.value)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, urls[rand.IntN(len(urls))]+"/v1/events", strings.NewReader(body))
	if err != nil {
		return false
	}
	req.Header.Set("Authorization", "Bearer "+serviceKey)
	req.Header.Set("Content-Type", "application/json")
	resp, err := s.client.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return err == nil && resp.StatusCode == http.StatusCreated
}

// finish ends the show, and expects everybody to be at its last value, and to have
// been told once of each life of Redis that ended: all of them if exactly, else
// some may have ended before anything was kept in them.
func (s *show) finish(t *testing.T, lives int, exactly bool) {
	t.Helper()
	s.stop()
	s.done.Wait()
	require.Eventually(t, s.publish, patience, period)
	s.await(t, "the last value", func(w *watcher) bool { return w.value == s.value })
	for i, w := range s.crowd {
		w.mu.Lock()
		require.Empty(t, w.wrong, "watcher %d", i)
		require.LessOrEqual(t, w.resets, lives, "watcher %d was told of a loss that was none", i)
		if exactly {
			require.Equal(t, lives, w.resets, "watcher %d was not told of a loss", i)
		}
		w.mu.Unlock()
	}
}

func (s *show) await(t *testing.T, what string, has func(*watcher) bool) {
	t.Helper()
	require.Eventually(t, func() bool {
		for _, w := range s.crowd {
			w.mu.Lock()
			ok := has(w)
			w.mu.Unlock()
			if !ok {
				return false
			}
		}
		return true
	}, patience, period, "not everybody has %s", what)
}

func (w *watcher) watch(ctx context.Context, s *show) {
	c := sse.Client{HTTP: s.client, Channels: []event.Channel{raffle}, NoInbox: true, OnBlock: w.take}
	for ctx.Err() == nil {
		if urls := s.fleet.up(s.fleet.gateways); len(urls) > 0 {
			_ = c.Connect(ctx, urls[rand.IntN(len(urls))]) // however it ended, it comes back
		}
		select {
		case <-time.After(period + rand.N(period)):
		case <-ctx.Done():
		}
	}
}

func (w *watcher) take(b sse.Block) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch b.Event {
	case "bellhop.reset":
		w.resets++
		w.seq = 0
	case "probability":
		var e struct {
			Seq  uint64
			Data int
		}
		if err := json.Unmarshal([]byte(b.Data), &e); err != nil || e.Seq <= w.seq {
			w.fail(fmt.Sprintf("%s after seq %d: %v", b.Data, w.seq, err))
		}
		w.seq, w.value = e.Seq, e.Data
	}
	return true
}

func (w *watcher) fail(why string) {
	if w.wrong == "" {
		w.wrong = why
	}
}
