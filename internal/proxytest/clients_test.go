package proxytest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/sse"
)

// listener is a client as a browser's EventSource is one: any status but 200 ends it
// for good, and after any other end it comes back with its id, when it was told to.
type listener struct {
	room                  event.Channel
	ready, connects, last atomic.Int64
	wrong                 atomic.Pointer[error] // what must not be
}

func (l *listener) run(ctx context.Context, url string) {
	transport := &http.Transport{DisableKeepAlives: true}
	retry := time.Second
	c := sse.Client{HTTP: &http.Client{Transport: transport}, Channels: []event.Channel{l.room}, NoInbox: true}
	c.OnBlock = func(b sse.Block) bool {
		retry = cmp.Or(b.Retry, retry)
		switch b.Event {
		case "bellhop.ready":
			l.ready.Add(1)
		case "note":
			cursor, err := event.ParseCursor(b.ID)
			at, _ := cursor.Position(l.room)
			if last := l.last.Swap(int64(at.Seq)); err != nil || last != 0 && last+1 != int64(at.Seq) {
				err = fmt.Errorf("%d came after %d: %w", at.Seq, last, err)
				l.wrong.Store(&err)
			}
		}
		return true
	}
	for ctx.Err() == nil {
		l.connects.Add(1)
		if err := c.Connect(ctx, url); errors.Is(err, sse.ErrStatus) && ctx.Err() == nil {
			l.wrong.Store(&err)
			return
		}
		select {
		case <-time.After(retry):
		case <-ctx.Done():
		}
	}
}

// listeners are the clients.
type listeners []*listener

// open has all clients come, until the test ends.
func open(t *testing.T, url string) listeners {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	t.Cleanup(func() { cancel(); wg.Wait() })
	all := make(listeners, *streams)
	for i := range all {
		all[i] = &listener{room: room(i)}
		wg.Go(func() { all[i].run(ctx, url) })
	}
	return all
}

func (all listeners) await(t *testing.T, what string, enough func(ready, connects, last int) bool) {
	t.Helper()
	for _, l := range all {
		l.await(t, what, enough)
	}
}

// awaitAll waits until all have so many events of their channels.
func (all listeners) awaitAll(t *testing.T, what string, events []int) {
	t.Helper()
	for i, l := range all {
		l.await(t, what, func(_, _, last int) bool { return last >= events[i/audience] })
	}
}

func (all listeners) connects() (total int64) {
	for _, l := range all {
		total += l.connects.Load()
	}
	return total
}

func (l *listener) await(t *testing.T, what string, enough func(ready, connects, last int) bool) {
	t.Helper()
	require.Eventually(t, func() bool {
		if wrong := l.wrong.Load(); wrong != nil {
			require.NoError(t, *wrong, what)
		}
		return enough(int(l.ready.Load()), int(l.connects.Load()), int(l.last.Load()))
	}, patience, 5*time.Millisecond, what)
}
