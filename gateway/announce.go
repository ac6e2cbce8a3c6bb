package gateway

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/bellhop/bellhop/fanout"
)

const (
	// announceQueue is how many announcements may wait for the bus, and
	// announceBatch how many of them one pipeline takes.
	announceQueue = 1024
	announceBatch = 64
	// announceTimeout bounds one pipeline.
	announceTimeout = time.Second
)

// announcer tells all gateways, this one too, how an inbox was changed here.
// Nobody waits for the bus: what does not fit the queue, or fails, is dropped,
// since the log's tail tells the same a little later.
type announcer struct {
	bus    fanout.Publisher
	log    *slog.Logger
	queue  chan fanout.Message
	stop   func()
	worker sync.WaitGroup
}

// newAnnouncer starts one. Close ends it.
func newAnnouncer(bus fanout.Publisher, log *slog.Logger) *announcer {
	ctx, cancel := context.WithCancel(context.Background())
	a := &announcer{bus: bus, log: log, queue: make(chan fanout.Message, announceQueue), stop: cancel}
	a.worker.Go(func() { a.run(ctx) })
	return a
}

// announce does not block. It may be called after close, and then does nothing.
func (a *announcer) announce(m fanout.Message) {
	select {
	case a.queue <- m:
	default:
	}
}

// close gives up what is queued. It may be called more than once.
func (a *announcer) close() {
	a.stop()
	a.worker.Wait()
}

func (a *announcer) run(ctx context.Context) {
	failing := false
	for {
		var batch []fanout.Message
		select {
		case m := <-a.queue:
			batch = append(batch, m)
		case <-ctx.Done():
			return
		}
		for len(batch) < announceBatch && len(a.queue) > 0 {
			batch = append(batch, <-a.queue)
		}
		bounded, cancel := context.WithTimeout(ctx, announceTimeout)
		_, err := a.bus.Publish(bounded, batch)
		cancel()
		if err != nil && !failing {
			a.log.Warn("changes of inboxes can't be announced; gateways hear of them from the log", "error", err)
		}
		failing = err != nil
	}
}
