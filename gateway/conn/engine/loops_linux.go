package engine

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// loops are the shards of an engine.
type loops struct {
	engine *Engine
	shards []*shard
	next   atomic.Uint32
	wg     sync.WaitGroup
}

func (l *loops) start(e *Engine) error {
	l.engine = e
	for range e.cfg.Shards {
		s, err := newShard(e, time.Now)
		if err != nil {
			l.stopShards()
			return fmt.Errorf("start a loop: %w", err)
		}
		l.shards = append(l.shards, s)
		l.wg.Go(s.run)
		l.wg.Go(s.poll)
	}
	return nil
}

// shard returns the shards in turn.
func (l *loops) shard() *shard {
	return l.shards[l.next.Add(1)%uint32(len(l.shards))]
}

// stop waits for the streams, cuts off what is left when ctx ends, and returns
// how many those were.
func (l *loops) stop(ctx context.Context) (cut int) {
	defer context.AfterFunc(ctx, func() {
		for _, s := range l.shards {
			s.inbox.close(true)
		}
	})()
	l.stopShards()
	for _, s := range l.shards {
		cut += int(s.cut.Swap(0))
	}
	return cut
}

func (l *loops) stopShards() {
	for _, s := range l.shards {
		s.inbox.close(false)
	}
	l.wg.Wait()
}
