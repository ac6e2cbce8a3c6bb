package hub

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

// tailDebounce gathers the doubts of many channels into one reading.
const tailDebounce = 20 * time.Millisecond

// tail reads the newest transactions of the log: what the bus lost, whoever
// lost it, is found here. It is the slow and sure way.
//
// Transactions take their ids before they commit, so a low id may appear after
// a higher one. Each reading therefore goes back to where the readings stood
// TailOverlap ago, which is longer than a transaction can live, and rows that
// were seen are known by their token.
type tail struct {
	h       *Hub
	kick    chan struct{}
	doubted atomic.Bool

	// Owned by run.
	epoch event.Epoch
	base  uint64                 // ids up to here are settled
	marks []mark                 // the highest id of each reading not yet settled
	seen  map[store.Token]uint64 // token -> highest id of the reading that saw it
}

type mark struct {
	at time.Time
	id uint64
}

func (t *tail) init(h *Hub) {
	t.h = h
	t.kick = make(chan struct{}, 1)
	t.seen = make(map[store.Token]uint64)
}

// soon asks for a reading now.
func (t *tail) soon() {
	select {
	case t.kick <- struct{}{}:
	default:
	}
}

func (t *tail) suspect(yes bool) {
	t.doubted.Store(yes)
	t.soon()
}

func (t *tail) run(ctx context.Context) {
	t.read(ctx)
	for t.wait(ctx) {
		if t.doubted.Load() {
			t.h.database.asker.askUnheard()
		}
		t.read(ctx)
	}
}

// wait returns when the next reading is due; false if ctx ended.
func (t *tail) wait(ctx context.Context) bool {
	d := t.h.cfg.TailPeriod
	if t.doubted.Load() {
		d = min(d, t.h.cfg.TailSuspect)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-t.kick:
	case <-ctx.Done():
		return false
	}
	return pause(ctx, min(tailDebounce, t.h.cfg.TailSuspect))
}

func (t *tail) read(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, t.h.cfg.Timeout)
	defer cancel()
	start := time.Now()
	first := t.epoch == ""
	var fresh []store.Token
	got, err := t.h.cfg.Log.Tail(ctx, t.base, func(token store.Token) bool {
		if _, ok := t.seen[token]; ok {
			return true
		}
		fresh = append(fresh, token)
		return first // the position is taken; what came before is read with the heads
	})
	t.h.metrics.tailReads.Inc()
	if err != nil {
		if !errors.Is(ctx.Err(), context.Canceled) {
			t.h.cfg.Logger.Warn("the newest transactions can't be read", "error", err)
		}
		return
	}
	t.h.metrics.tailLast.SetToCurrentTime()
	cut := got.Epoch != t.epoch || got.Low > t.base+1
	if cut {
		// Another epoch counts its rows anew, and rows that went by age may
		// have been missed. The new position first, then the heads: a commit
		// between the two is then seen by at least one.
		t.epoch, t.base, t.marks = got.Epoch, max(got.Low, 1)-1, nil
		if !first {
			clear(t.seen)
			t.h.metrics.tailCuts.Inc()
		}
		t.h.held(func(c *channel) { // deletions may have been missed as well
			if c.src == &t.h.database {
				c.forget()
			}
		})
	}
	if first {
		for _, token := range fresh {
			t.seen[token] = got.Last
		}
	} else if len(got.Commits) < len(fresh) {
		t.soon() // there were more than one answer holds
	}
	for i := range got.Commits {
		t.seen[got.Commits[i].Token] = got.Last
	}
	for i := range got.Commits {
		t.apply(got.Epoch, &got.Commits[i])
	}
	if confirmed := t.h.confirmed(); confirmed != "" && got.Epoch != confirmed {
		t.h.database.asker.askAll(true)
	} else if cut {
		t.h.database.asker.askAll(false)
	}
	t.settle(start, got.Last)
}

func (t *tail) apply(epoch event.Epoch, commit *store.Commit) {
	for _, change := range commit.Changes {
		if change.Revoke {
			t.h.cfg.Revoked()
			continue
		}
		if c := t.h.find(change.Channel); c != nil {
			c.changed(epoch, change)
		}
	}
}

// settle moves the base to where the readings stood an overlap ago.
func (t *tail) settle(now time.Time, last uint64) {
	t.marks = append(t.marks, mark{now, last})
	old := t.base
	for len(t.marks) > 0 && now.Sub(t.marks[0].at) >= t.h.cfg.TailOverlap {
		t.base = max(t.base, t.marks[0].id)
		t.marks = t.marks[1:]
	}
	if t.base == old {
		return
	}
	for token, id := range t.seen {
		if id <= t.base {
			delete(t.seen, token)
		}
	}
}
