package notifier

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/server"
)

// The fleet, live: a stream like those of gateways, with an event of one channel each
// second, so that any client of Bellhop reads it.
const (
	watchEvery   = time.Second
	mostWatchers = 32
	watchWrite   = 10 * time.Second // a watcher that takes no bytes for so long is left
	watchChannel = event.Channel("fleet:live")
	watchType    = "fleet"
)

// watch asks about the fleet while somebody watches, once for all who do.
type watch struct {
	ask   func(context.Context) (any, error)
	epoch event.Epoch

	mu       sync.Mutex                    // guards what follows
	watchers map[chan event.Event]struct{} // each has room for one, the newest
	stop     context.CancelFunc            // of the asking, while there are watchers
	over     bool
	asking   sync.WaitGroup
}

func newWatch(ask func(context.Context) (any, error)) *watch {
	return &watch{ask: ask, epoch: event.NewEpoch(), watchers: make(map[chan event.Event]struct{})}
}

// join begins to watch; nil: there are too many, or all is over. The channel is closed
// when all is over.
func (w *watch) join() chan event.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.over || len(w.watchers) == mostWatchers {
		return nil
	}
	if len(w.watchers) == 0 {
		ctx, stop := context.WithCancel(context.Background())
		w.stop = stop
		w.asking.Go(func() { w.run(ctx) })
	}
	looks := make(chan event.Event, 1)
	w.watchers[looks] = struct{}{}
	return looks
}

func (w *watch) leave(looks chan event.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.watchers, looks)
	if len(w.watchers) == 0 {
		w.stop()
	}
}

// end has all watchers leave, and lets no one join any more.
func (w *watch) end() {
	w.mu.Lock()
	for looks := range w.watchers {
		close(looks)
		delete(w.watchers, looks)
	}
	if w.stop != nil {
		w.stop()
	}
	w.over = true
	w.mu.Unlock()
	w.asking.Wait()
}

func (w *watch) run(ctx context.Context) {
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	for {
		now := time.Now()
		body, err := w.ask(ctx)
		data, notJSON := json.Marshal(body)
		if err == nil && notJSON == nil {
			// Times are seqs that no earlier process has given.
			w.tell(ctx, event.Event{Channel: watchChannel, Seq: uint64(now.UnixMilli()), Type: watchType, Time: now, Data: data})
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

func (w *watch) tell(ctx context.Context, e event.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if ctx.Err() != nil {
		return // others watch by now, and are told by another run
	}
	for looks := range w.watchers {
		select {
		case <-looks:
		default:
		}
		looks <- e // there is room: nobody else sends
	}
}

// EndWatches ends the streams of those who watch the fleet, as a process does that goes
// away.
func (n *Notifier) EndWatches() {
	if n.watch != nil {
		n.watch.end()
	}
}

// watchFleet is GET /v1/admin/fleet/live.
func (n *Notifier) watchFleet(context.Context, *struct{}) (*huma.StreamResponse, error) {
	looks := n.watch.join()
	if looks == nil {
		return nil, server.NewProblem(http.StatusServiceUnavailable, "as many watch as may, or this process goes away").RetryAfter(5 * time.Second)
	}
	return &huma.StreamResponse{Body: func(ctx huma.Context) {
		defer n.watch.leave(looks)
		w := humaecho.Unwrap(ctx).Response()
		for name, value := range map[string]string{"Content-Type": "text/event-stream", "Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no"} {
			w.Header().Set(name, value)
		}
		block := []byte("event: bellhop.ready\ndata: {}\n\n")
		for open := true; open; {
			// An error: a writer without deadlines, which has no slow client.
			_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(watchWrite))
			if _, err := w.Write(block); err != nil {
				return
			}
			w.Flush()
			var e event.Event
			select {
			case e, open = <-looks:
				block = append(event.AppendFrame(block[:0], &e), "id: "...)
				block = event.AppendCursor(block, len(block), event.Position{Epoch: n.watch.epoch, Seq: e.Seq}, e.Channel)
				block = append(block, "\n\n"...)
			case <-ctx.Context().Done():
				return
			}
		}
	}}, nil
}
