package track

import (
	"slices"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

// Question is what was known of a channel when a query for its head started, and who
// waited for the answer by then.
type Question struct {
	filled     event.Position
	generation uint32
	known      bool
	announced  uint64
	early      event.Position
	waiters    []Waiter
}

// Filled is how far the channel had come.
func (q *Question) Filled() uint64 { return q.filled.Seq }

// Answer is what the log said about the head of a channel.
type Answer struct {
	Epoch event.Epoch
	Head  store.Head
	Stale bool // a replica's, while the primary is away
	Fresh bool // from a connection opened for this question
}

// Verdict is what a joining listener is told: the state of its channel, from a query
// that started after it came and after the subscription was acknowledged.
type Verdict struct {
	// Answer is what the log said. Its head is what Unread counts up to, and what the
	// log can replay at the moment, even if a replica stands in for the primary.
	Answer

	generation uint32
	filled     uint64 // this gateway may have come further than the answer
}

// Outcome is what follows from an answer.
type Outcome struct {
	Effects

	Verdict   Verdict
	Told      []Waiter // who hears the verdict
	Ended     bool     // a life of a channel ended that has an epoch of its own
	Backwards bool     // the head went backwards within an epoch
}

// Question notes what is known of the channel as a query starts. False: it is not to
// be asked for now, its acknowledgement will ask.
func (c *Channel) Question(at Moment) (Question, bool) {
	if !c.Askable(at) {
		return Question{}, false
	}
	q := Question{filled: c.filled, generation: c.generation, announced: c.announced, known: c.known}
	if r := c.recent; r != nil {
		q.early = r.early
		q.waiters = slices.DeleteFunc(r.waiters, gone)
		r.waiters = nil
		c.shrink()
	}
	return q, true
}

// Unanswered puts the question back, which is to be asked in a way. Those who are to be
// told that the log is away are returned.
func (c *Channel) Unanswered(q *Question, how Do, at Moment) (fx Effects, away []Waiter) {
	c.await(q.waiters...)
	if c.Askable(at) {
		fx.Do |= how
	}
	if at.LogAway {
		away = slices.DeleteFunc(q.waiters, func(w Waiter) bool { return !w.Waiting().logAway() })
	}
	return fx, away
}

// Answered takes an answer whose epoch is not refused.
func (c *Channel) Answered(q *Question, a *Answer, at Moment) (out Outcome) {
	fx := &out.Effects
	head := event.Position{Epoch: a.Epoch, Seq: a.Head.Seq}
	wasStale := c.stale
	switch {
	case !c.Askable(at): // given up, or made anew: it will be asked for again
		c.await(q.waiters...)
		return out
	case !c.known:
		c.begin(head, a.Head.Floor, a.Stale, at, fx)
	case a.Stale && a.Epoch != c.filled.Epoch:
		// A replica of another epoch is late, not right.
		c.await(q.waiters...)
		fx.Do |= AskLater
		return out
	case a.Epoch != c.filled.Epoch && c.rules.Kept && (!a.Fresh || !q.known || q.filled.Epoch != c.filled.Epoch):
		// Another life of this channel alone. As with the database's, it is
		// believed only from a new connection, and only if the channel has not
		// changed its life since the question was put.
		c.await(q.waiters...)
		fx.Do |= AskFresh
		return out
	case a.Epoch != c.filled.Epoch:
		out.Ended = c.rules.Kept && c.filled.Epoch != ""
		c.begin(head, a.Head.Floor, false, at, fx)
	case !a.Stale && q.known && q.filled.Epoch == a.Epoch && q.generation == c.generation && head.Seq < q.filled.Seq:
		// Lower than what was known when the query started. (Comparing with
		// what is known now would take an answer that the bus overtook for a
		// step back.) A pooled connection may lead to the wrong server: only a
		// new one is believed.
		if !a.Fresh {
			c.await(q.waiters...)
			fx.Do |= AskFresh
			return out
		}
		out.Backwards = true
		c.generation++
		c.begin(head, a.Head.Floor, false, at, fx)
	default:
		if !a.Stale && c.announced == q.announced && c.announced > head.Seq && c.filled.Seq <= head.Seq {
			// Announced, but the primary does not have it: nobody committed it.
			c.announced = head.Seq
			c.dropAnnounced()
		}
		c.observe(head.Seq, CauseHeads, at, fx)
		if r := c.recent; r != nil && c.rules.Conflate {
			r.ring.trim(a.Head.Floor)
		}
		c.stale = a.Stale // true: somebody joined without the primary
	}
	if !a.Stale {
		c.counted(&a.Head, fx)
	}
	c.settleEarly(q, a.Fresh, at, fx)
	out.Verdict = Verdict{Answer: *a, generation: c.generation, filled: c.filled.Seq}
	out.Told = c.tell(q, &out.Verdict, fx)
	if a.Stale {
		fx.Do |= AskLater // until the primary is back
	} else if wasStale {
		fx.Do |= Confirm
	}
	return out
}

// begin starts following at a position: the first one, or that of a new life.
func (c *Channel) begin(head event.Position, floor uint64, stale bool, at Moment, fx *Effects) {
	c.known, c.stale = true, stale
	c.filled, c.announced = head, head.Seq
	c.count = Count{}
	if m := c.limited(); m != nil {
		m.restart()
	}
	// Where joins need what is there already, it is read now, for all of them.
	if n := c.backfill(); n > 0 && head.Seq > floor {
		c.filled.Seq -= min(n, head.Seq-floor)
	}
	c.dropAnnounced()
	c.beginRing()
	if c.filled.Seq < head.Seq {
		c.use().old = head.Seq
	} else if c.recent != nil {
		c.recent.old = 0
	}
	if c.filled.Seq == floor {
		c.nothingBelow(at)
	}
	if c.filled.Seq < c.announced && !c.gap.asked() {
		c.fill(fx)
	}
	fx.Do |= Wake
}

// settleEarly resolves what was heard before the position was known.
func (c *Channel) settleEarly(q *Question, fresh bool, at Moment, fx *Effects) {
	r := c.look() // nothing in it is changed where it is nothing
	if n := r.earlyNote; n.Note != nil {
		r.earlyNote = Note{}
		if n.Epoch == c.filled.Epoch {
			c.noted(n.Note, fx)
		}
	}
	switch early := r.early; {
	case early == event.Position{}:
	case early.Epoch == c.filled.Epoch:
		r.early = event.Position{}
		c.observe(early.Seq, CauseHeads, at, fx)
	case early == q.early && fresh:
		// Heard before the query started, and a new connection says otherwise:
		// a message that was long under way, of a life that is over.
		r.early = event.Position{}
	default:
		fx.Do |= AskFresh
	}
}

// tell is who of those that waited hears the verdict. Whoever would be reset by it
// hears it from a new connection, or waits until the primary is back.
func (c *Channel) tell(q *Question, v *Verdict, fx *Effects) (told []Waiter) {
	told = q.waiters[:0]
	for _, w := range q.waiters {
		switch {
		case !w.Waiting().doubts(v), v.Fresh && !v.Stale:
			told = append(told, w)
		case v.Stale:
			c.await(w)
		default:
			c.await(w)
			fx.Do |= AskFresh
		}
	}
	return told
}
