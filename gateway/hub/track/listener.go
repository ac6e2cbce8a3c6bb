package track

import "github.com/bellhop/bellhop/event"

// listening is what a listener is doing.
type listening uint8

const (
	waiting   listening = iota // for a verdict about its position
	following                  // out of the ring
	fetching                   // a page is on its way from the log
)

// Listener is a stream's place in one channel. The stream owns all fields but two: the
// channel's owner guards Index, and it guards claim while the listener waits for a
// verdict.
type Listener struct {
	claim *Claim // what is to be resolved; nil: the client brought no position
	// pos is how far the listener has come. brought is what ids say of it instead,
	// until something was handed to the socket from there on: what the client
	// brought, or had before its position was moved.
	pos     event.Position
	brought *event.Position
	reach   uint64 // where the replay of the join ends
	reset   *Reset // to be written before anything else of this channel
	page    *Page  // to be written before the ring is looked at
	// generation is the channel's that the position belongs to.
	generation uint32
	// Index is where the channel's owner keeps the listener; -1: it has left.
	Index  int32
	state  listening
	placed bool // it has a position
	away   bool // it has none, and will have none before the kept log is back
	named  bool // ids can speak of it: it has a position, or brought one
	stale  bool // ... that only a replica vouched for
	// ReplayReset: after a reset the listener goes on with all that is retained. Set
	// before the listener joins.
	ReplayReset bool
}

// Claim is a position that is to be resolved.
type Claim struct {
	At         event.Position
	generation uint32 // of the channel, that At belongs to
	// trusted: a difference from the log's epoch has been looked into already.
	trusted bool
	// toldAway: the listener knows that the kept log is away.
	toldAway bool
}

// Waiter is who waits for a verdict: a Listener, or what contains one.
type Waiter interface{ Waiting() *Listener }

// Waiting implements Waiter.
func (l *Listener) Waiting() *Listener { return l }

func (l *Listener) left() bool { return l.Index < 0 }

// Bring sets the position that the client brought. Without it, it brought none.
func (l *Listener) Bring(at event.Position) {
	l.claim = &Claim{At: at}
	l.brought, l.named = &at, true
}

// Reset announces events that can't be delivered: From to To, or an unknown range.
type Reset struct {
	From, To uint64 // zero: unknown
	Final    bool   // the stream ends after it
}

// Shown is what ids say of the listener; false: they leave it out.
func (l *Listener) Shown() (event.Position, bool) {
	if l.brought != nil {
		return *l.brought, l.named
	}
	return l.pos, l.named
}

// At is how far the listener has come; the zero value: it has no position yet.
func (l *Listener) At() event.Position {
	if !l.placed {
		return event.Position{}
	}
	return l.pos
}

// move sets the position. What ids say stays as it is.
func (l *Listener) move(to event.Position) {
	if l.brought == nil {
		was := l.pos
		l.brought = &was
	}
	l.pos = to
}

// doubts tells whether the verdict would reset the listener for a difference that a
// wrong server could have shown.
func (l *Listener) doubts(v *Verdict) bool {
	c := l.claim
	if c == nil || c.trusted || c.At.Epoch == "" || c.At.Epoch == event.NoEpoch {
		return false
	}
	return !v.covers(c.At)
}

// covers tells whether events up to a position are known to exist.
func (v *Verdict) covers(at event.Position) bool {
	return at.Epoch == v.Epoch && at.Seq <= max(v.Head.Seq, v.filled)
}

// logAway notes that a listener that has no position yet waits for the kept log, and
// whether it is to be told. Until the log is back, ids say of the channel what the client
// brought, or that it is to begin at the beginning: what comes meanwhile is then not
// skipped.
func (l *Listener) logAway() (tell bool) {
	if l.claim == nil {
		l.claim = &Claim{}
	}
	tell = !l.claim.toldAway
	l.claim.toldAway = true
	return tell
}

// place takes the verdict: where the listener goes on, and what is to be announced.
func (l *Listener) place(v *Verdict, rules *Rules) {
	floor := event.Position{Epoch: v.Epoch, Seq: v.Head.Floor}
	claim := l.claim
	l.claim = nil
	backwards := l.placed && v.Epoch == l.pos.Epoch && v.generation != l.generation
	switch {
	case claim == nil:
		l.pos, l.brought = v.start(rules), nil
	case claim.At.Epoch == "": // all that is there, without a word about the rest
		l.move(floor)
	case backwards, !v.covers(claim.At):
		l.reset = &Reset{Final: backwards}
		if l.ReplayReset {
			l.move(floor)
		} else {
			// Whoever is told to fetch anew must not be flooded as well, with
			// everybody else after a fail-over.
			l.move(v.start(rules))
		}
	default:
		l.move(claim.At)
		l.trim(v.Head.Floor, rules)
	}
	l.state, l.placed, l.named, l.away, l.stale = following, true, true, false, v.Stale
	l.generation, l.reach = v.generation, v.Head.Seq
}

// start is where a listener without a position begins: with the newest event where the
// rules say so, and else with what is new from the answer's head on. Should the hub have
// come further since, that is replayed, and added to the count of unread events that the
// answer gave.
func (v *Verdict) start(rules *Rules) event.Position {
	at := event.Position{Epoch: v.Epoch, Seq: v.Head.Seq}
	switch {
	case !rules.JoinLatest:
	case rules.Conflate: // the newest of each type
		at.Seq = v.Head.Floor
	case v.Head.Seq > v.Head.Floor: // the newest
		at.Seq--
	}
	return at
}

// trim has a reset announced for what retention took from under the position. Where
// events may be skipped that is no loss.
func (l *Listener) trim(floor uint64, rules *Rules) {
	if floor <= l.pos.Seq {
		return
	}
	if shown, _ := l.Shown(); l.reset == nil && shown.Epoch != "" && !rules.Conflate {
		l.reset = &Reset{From: l.pos.Seq + 1, To: floor}
	}
	l.move(event.Position{Epoch: l.pos.Epoch, Seq: floor})
}

// Resolve has the position resolved again, because Read said that it is Outdated. The
// channel is told by Rejoin.
func (l *Listener) Resolve() {
	l.state = waiting
	at := l.pos
	if shown, _ := l.Shown(); shown.Epoch == "" {
		at = event.Position{} // nothing of that life was handed over: its end is no news
	}
	l.claim = &Claim{At: at, generation: l.generation}
}

// Greeting is how a stream stands: all of its channels together.
type Greeting struct {
	Stale   bool  // only a replica vouched for a position
	Waiting uint8 // so many channels wait for the kept log
}

// Placed tells whether the listener has a position, or is known to wait for the kept
// log. No event is written before all of a stream's are: the ids would say nothing of
// the channels that come later.
func (l *Listener) Placed() bool { return l.placed || l.away }

// Away tells whether the listener waits for the kept log.
func (l *Listener) Away() bool { return l.away }

// Add counts a listener in; false: it has not been replayed yet.
func (g *Greeting) Add(l *Listener) bool {
	if l.away {
		g.Waiting++
		return true
	}
	g.Stale = g.Stale || l.stale
	return l.state != waiting && l.reset == nil && l.pos.Seq >= l.reach
}

// Await raises reach to where the channel is: the next bellhop.ready waits until the
// listener has everything that is there now. Long polls need that, for each response has
// a ready of its own.
func (c *Channel) Await(l *Listener) {
	if l.placed && l.pos.Epoch == c.filled.Epoch && l.generation == c.generation {
		l.reach = max(l.reach, c.filled.Seq)
	}
}

// News tells whether a client that was greeted with was is to be greeted again: when the
// primary stands behind what only a replica vouched for, or when channels waited for
// the kept log.
func (g Greeting) News(was Greeting) bool {
	return was.Stale && !g.Stale || g.Waiting != was.Waiting
}

// Greeted notes that the client was told that it is live.
func (l *Listener) Greeted() {
	if !l.away {
		l.brought = nil
	}
}
