package read

import (
	"context"
	"errors"
	"time"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/wait"
	"github.com/bellhop/bellhop/store"
)

// Tail reads the newest transactions of the log: what the bus lost, whoever lost it,
// is found here. It is the slow and sure way.
//
// Transactions take their ids before they commit, so a low id may appear after a
// higher one. Each reading therefore goes back to the first id that is missing, or to
// where the readings stood an overlap ago, which is longer than a transaction can
// live; rows that were seen are known by their token.
type Tail struct {
	log      TailLog
	handler  TailHandler
	schedule Schedule
	overlap  time.Duration
	timeout  time.Duration
	kick     wait.Signal

	// Owned by Run.
	epoch event.Epoch            // that the position belongs to; empty: there is none
	base  store.Mark             // nothing can appear up to here any more
	stood []standing             // where each reading ended, as long as base is lower
	seen  map[store.Token]uint64 // rows above base: token -> id
}

// standing is how far a reading came.
type standing struct {
	at   time.Time
	last store.Mark
}

// TailLog is a log that has a tail.
type TailLog interface {
	// Tail reads the transactions with an id above after.ID that were not seen.
	Tail(ctx context.Context, after store.Mark, seen func(store.Mark) bool) (store.Tail, error)
}

// TailHandler hears what is read. It is called by one goroutine.
type TailHandler interface {
	// TailDue is called before each reading but the first.
	TailDue()
	// TailCut says that a reading could not go on from the last one: transactions
	// may have been missed. first: there was none.
	TailCut(first bool)
	// Changed hands over a change of an epoch.
	Changed(epoch event.Epoch, change *store.Change)
	// TailRead says that all changes of a reading were handed over.
	TailRead(epoch event.Epoch, cut bool)
	// TailFailed says that there was no answer.
	TailFailed(err error)
}

// NewTail makes a reader. It reads in Run.
func NewTail(log TailLog, handler TailHandler, schedule Schedule, overlap, timeout time.Duration) *Tail {
	return &Tail{
		log: log, handler: handler, schedule: schedule, overlap: overlap, timeout: timeout,
		kick: wait.NewSignal(), seen: make(map[store.Token]uint64),
	}
}

// Soon asks for a reading now.
func (t *Tail) Soon() { t.kick.Raise() }

// Run reads until ctx ends.
func (t *Tail) Run(ctx context.Context) {
	t.read(ctx)
	for t.schedule.Wait(ctx, t.kick) {
		t.handler.TailDue()
		t.read(ctx)
	}
}

func (t *Tail) read(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	start := time.Now()
	first := t.epoch == ""
	var fresh []store.Mark
	got, err := t.log.Tail(ctx, t.base, func(m store.Mark) bool {
		if _, ok := t.seen[m.Token]; ok {
			return true
		}
		fresh = append(fresh, m)
		return first // the position is taken; what came before is read with the heads
	})
	if err != nil {
		if !errors.Is(ctx.Err(), context.Canceled) {
			t.handler.TailFailed(err)
		}
		return
	}
	cut := got.Epoch != t.epoch || got.Lost || got.Low > t.base.ID+1
	if cut {
		// Another epoch counts its rows anew, and so does a server that lost
		// some; rows that went by age may have been missed. The new position
		// first, then the heads: a commit between the two is then seen by at
		// least one.
		t.epoch, t.base, t.stood = got.Epoch, store.Mark{ID: max(got.Low, 1) - 1}, nil
		if !first {
			clear(t.seen)
		}
		t.handler.TailCut(first)
	}
	if first {
		for _, m := range fresh {
			t.seen[m.Token] = m.ID
		}
	} else if len(got.Commits) < len(fresh) {
		t.Soon() // there were more than one answer holds
	}
	for i := range got.Commits {
		t.seen[got.Commits[i].Token] = got.Commits[i].ID
	}
	for i := range got.Commits {
		for j := range got.Commits[i].Changes {
			t.handler.Changed(got.Epoch, &got.Commits[i].Changes[j])
		}
	}
	t.handler.TailRead(got.Epoch, cut)
	if !cut || first {
		// After a cut what is settled is known from the next reading on, which
		// begins where the log does.
		t.settle(start, &got)
	}
}

// settle moves the base to the first gap among the ids, or to where the readings
// stood an overlap ago: a gap that old is a transaction that was rolled back.
func (t *Tail) settle(now time.Time, got *store.Tail) {
	if got.Settled.ID > t.base.ID {
		t.base = got.Settled
	}
	t.stood = append(t.stood, standing{now, got.Last})
	for len(t.stood) > 0 {
		s := &t.stood[0]
		if s.last.ID > t.base.ID {
			if now.Sub(s.at) < t.overlap {
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

// Remembered is the id up to which nothing is read again, and how many rows and
// readings above it are known. It is for tests, once Run has ended.
func (t *Tail) Remembered() (base uint64, rows, readings int) {
	return t.base.ID, len(t.seen), len(t.stood)
}
