package hub

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

// tail reads the newest transactions of the log: what the bus lost, whoever
// lost it, is found here. It is the slow and sure way.
//
// Transactions take their ids before they commit, so a low id may appear after
// a higher one. Each reading therefore goes back to the first id that is missing,
// or to where the readings stood TailOverlap ago, which is longer than a
// transaction can live; rows that were seen are known by their token.
type tail struct {
	h       *Hub
	kick    signal
	doubted atomic.Bool

	// Owned by run.
	epoch event.Epoch
	base  store.Mark             // nothing can appear up to here any more
	stood []standing             // where each reading ended, as long as base is lower
	seen  map[store.Token]uint64 // rows above base: token -> id
}

// standing is how far a reading came.
type standing struct {
	at   time.Time
	last store.Mark
}

func (t *tail) init(h *Hub) {
	t.h = h
	t.kick = newSignal()
	t.seen = make(map[store.Token]uint64)
}

// soon asks for a reading now.
func (t *tail) soon() { t.kick.raise() }

func (t *tail) suspect(yes bool) {
	t.doubted.Store(yes)
	t.soon()
}

func (t *tail) run(ctx context.Context) {
	t.read(ctx)
	for t.h.lookDue(ctx, t.kick) {
		if t.doubted.Load() {
			t.h.database.asker.askUnheard()
		}
		t.read(ctx)
	}
}

func (t *tail) read(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, t.h.cfg.Timeout)
	defer cancel()
	start := time.Now()
	first := t.epoch == ""
	var fresh []store.Mark
	got, err := t.h.cfg.Log.Tail(ctx, t.base, func(m store.Mark) bool {
		if _, ok := t.seen[m.Token]; ok {
			return true
		}
		fresh = append(fresh, m)
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
	cut := got.Epoch != t.epoch || got.Lost || got.Low > t.base.ID+1
	if cut {
		// Another epoch counts its rows anew, and so does a server that lost
		// some; rows that went by age may have been missed. The new position
		// first, then the heads: a commit between the two is then seen by at
		// least one.
		t.epoch, t.base, t.stood = got.Epoch, store.Mark{ID: max(got.Low, 1) - 1}, nil
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
		for _, m := range fresh {
			t.seen[m.Token] = m.ID
		}
	} else if len(got.Commits) < len(fresh) {
		t.soon() // there were more than one answer holds
	}
	for i := range got.Commits {
		t.seen[got.Commits[i].Token] = got.Commits[i].ID
	}
	for i := range got.Commits {
		t.apply(got.Epoch, &got.Commits[i])
	}
	if confirmed := t.h.confirmed(); confirmed != "" && got.Epoch != confirmed {
		t.h.database.asker.askAll(true)
	} else if cut {
		t.h.database.asker.askAll(false)
	}
	if !cut || first {
		// After a cut what is settled is known from the next reading on, which
		// begins where the log does.
		t.settle(start, &got)
	}
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

// settle moves the base to the first gap among the ids, or to where the readings
// stood an overlap ago: a gap that old is a transaction that was rolled back.
func (t *tail) settle(now time.Time, got *store.Tail) {
	if got.Settled.ID > t.base.ID {
		t.base = got.Settled
	}
	t.stood = append(t.stood, standing{now, got.Last})
	for len(t.stood) > 0 {
		s := &t.stood[0]
		if s.last.ID > t.base.ID {
			if now.Sub(s.at) < t.h.cfg.TailOverlap {
				break
			}
			t.base = s.last
		}
		t.stood = t.stood[1:]
	}
	for token, id := range t.seen {
		if id <= t.base.ID {
			delete(t.seen, token)
		}
	}
	if len(t.seen) == 0 {
		t.seen = make(map[store.Token]uint64) // a map keeps the room of its best days
	}
}
