// Package invariant decides whether a run of Bellhop kept its promises. It is
// told what publishers were promised, what every client received, and what the
// log holds in the end, and finds what was lost, came twice, came in the wrong
// order, was another event than the log's, or was taken back without a reason.
package invariant

import (
	"fmt"
	"sort"
	"sync"

	"github.com/bellhop/bellhop/event"
)

// Kind is what a violation breaks.
type Kind string

// The kinds of violations.
const (
	Lost       Kind = "lost"       // a client never got an event that it should have
	Duplicate  Kind = "duplicate"  // a client got a seq of an epoch again
	Disorder   Kind = "disorder"   // a client got a lower seq after a higher one
	Mismatch   Kind = "mismatch"   // one seq of an epoch was two different events
	Phantom    Kind = "phantom"    // a client got an event that the log does not have
	Unfounded  Kind = "unfounded"  // a reset without a cause
	Unrecorded Kind = "unrecorded" // an acknowledged event is not in the log
)

// Violation is one broken promise.
type Violation struct {
	Kind    Kind
	Client  string
	Channel event.Channel
	At      event.Position
	Detail  string
}

func (v Violation) String() string {
	return fmt.Sprintf("%s: client %s, %s@%s: %s", v.Kind, v.Client, v.At, v.Channel, v.Detail)
}

// Ledger gathers what happened. It is safe for concurrent use.
//
// Events are told apart by an id that the publisher puts into each.
type Ledger struct {
	mu      sync.Mutex
	acks    map[event.Channel]map[uint64]string
	known   map[place]string // (channel, epoch, seq) -> id
	clients map[seat]*track
	found   []Violation
	log     map[event.Channel]contents
}

type place struct {
	ch event.Channel
	at event.Position
}

type seat struct {
	client string
	ch     event.Channel
}

// track is what one client has seen of one channel since it began or was reset.
type track struct {
	begun bool
	from  event.Position // everything after it must come
	last  event.Position
	got   map[uint64]struct{}
}

type contents struct {
	epoch  event.Epoch
	floor  uint64
	ids    map[uint64]string // those of deleted events are empty
	newest map[uint64]bool   // what nobody may skip; nil: nothing may be skipped
}

// New returns an empty ledger.
func New() *Ledger {
	return &Ledger{
		acks:    make(map[event.Channel]map[uint64]string),
		known:   make(map[place]string),
		clients: make(map[seat]*track),
		log:     make(map[event.Channel]contents),
	}
}

// Acked records that a publisher was told that its event has this seq.
func (l *Ledger) Acked(ch event.Channel, seq uint64, id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.acks[ch] == nil {
		l.acks[ch] = make(map[uint64]string)
	}
	l.acks[ch][seq] = id
}

// Begin records the position from which a client listens to a channel: what the
// first bellhop.ready said. Later calls for the same client change nothing.
func (l *Ledger) Begin(client string, ch event.Channel, at event.Position) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.track(client, ch)
	if !t.begun {
		*t = track{begun: true, from: at, last: at, got: map[uint64]struct{}{}}
	}
}

// Got records that a client received an event.
func (l *Ledger) Got(client string, ch event.Channel, at event.Position, id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	t := l.track(client, ch)
	if !t.begun { // a replay before the first ready: it begins below this event
		*t = track{begun: true, from: event.Position{Epoch: at.Epoch, Seq: at.Seq - 1}, got: map[uint64]struct{}{}}
		t.last = t.from
	}
	switch _, again := t.got[at.Seq]; {
	case t.last.Epoch == "": // the channel was not there, and now begins
		*t = track{begun: true, from: event.Position{Epoch: at.Epoch}, got: map[uint64]struct{}{}}
	case at.Epoch != t.last.Epoch:
		l.addf(Disorder, client, ch, at, "the epoch was %s, and no reset came", t.last.Epoch)
		t.from = event.Position{Epoch: at.Epoch, Seq: at.Seq - 1}
		clear(t.got)
	case again:
		l.addf(Duplicate, client, ch, at, "received twice")
	case at.Seq <= t.last.Seq:
		l.addf(Disorder, client, ch, at, "after %d", t.last.Seq)
	}
	t.got[at.Seq] = struct{}{}
	t.last = at
	if have, ok := l.known[place{ch, at}]; ok && have != id {
		l.addf(Mismatch, client, ch, at, "is %q, was %q", id, have)
	}
	l.known[place{ch, at}] = id
}

// Reset records a bellhop.reset and the position from which the stream goes on.
// justified says whether the run gave a cause for one.
func (l *Ledger) Reset(client string, ch event.Channel, next event.Position, justified bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !justified {
		l.addf(Unfounded, client, ch, next, "nothing was trimmed, and no epoch began")
	}
	t := l.track(client, ch)
	keep := t.begun && t.last.Epoch == next.Epoch && next.Seq >= t.last.Seq
	if keep { // trimmed: what came before still counts
		t.from, t.last = next, next
		return
	}
	*t = track{begun: true, from: next, last: next, got: map[uint64]struct{}{}}
}

// Log records what the log holds of a channel in the end: the ids of its events
// by seq, empty for deleted ones.
func (l *Ledger) Log(ch event.Channel, epoch event.Epoch, floor uint64, ids map[uint64]string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.log[ch] = contents{epoch: epoch, floor: floor, ids: ids}
}

// LogConflated is Log for a channel whose clients may skip every event but the
// newest ones, those with the given seqs.
func (l *Ledger) LogConflated(ch event.Channel, epoch event.Epoch, floor uint64, ids map[uint64]string, newest ...uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := contents{epoch: epoch, floor: floor, ids: ids, newest: make(map[uint64]bool, len(newest))}
	for _, seq := range newest {
		c.newest[seq] = true
	}
	l.log[ch] = c
}

// Violations judges the run. With lossy, acknowledged events may be missing
// from the log: the run took the primary's newest transactions away.
func (l *Ledger) Violations(lossy bool) []Violation {
	l.mu.Lock()
	defer l.mu.Unlock()
	for ch, acks := range l.acks {
		log := l.log[ch]
		for seq, id := range acks {
			have, ok := log.ids[seq]
			if !lossy && seq > log.floor && (!ok || have != "" && have != id) {
				l.addf(Unrecorded, "", ch, event.Position{Epoch: log.epoch, Seq: seq}, "acknowledged as %q, the log has %q", id, have)
			}
		}
	}
	for s, t := range l.clients {
		l.judge(s, t)
	}
	out := l.found
	sort.Slice(out, func(i, j int) bool { return out[i].String() < out[j].String() })
	return out
}

func (l *Ledger) judge(s seat, t *track) {
	log, ok := l.log[s.ch]
	if !ok || !t.begun {
		return
	}
	if t.last.Epoch != log.epoch {
		if len(log.ids) > 0 {
			l.addf(Lost, s.client, s.ch, t.last, "was never told of epoch %s", log.epoch)
		}
		return
	}
	for seq, id := range log.ids {
		_, got := t.got[seq]
		at := event.Position{Epoch: log.epoch, Seq: seq}
		skipped := log.newest != nil && !log.newest[seq]
		if seq > t.from.Seq && seq > log.floor && id != "" && !got && !skipped {
			l.addf(Lost, s.client, s.ch, at, "never received; began at %s, last was %s", t.from, t.last)
		}
	}
	for seq := range t.got {
		at := event.Position{Epoch: log.epoch, Seq: seq}
		id, ok := log.ids[seq]
		switch {
		case seq <= log.floor, ok && id == "":
		case !ok:
			l.addf(Phantom, s.client, s.ch, at, "the log does not have it")
		case l.known[place{s.ch, at}] != id:
			l.addf(Mismatch, s.client, s.ch, at, "is %q, the log has %q", l.known[place{s.ch, at}], id)
		}
	}
}

func (l *Ledger) track(client string, ch event.Channel) *track {
	k := seat{client, ch}
	t := l.clients[k]
	if t == nil {
		t = &track{}
		l.clients[k] = t
	}
	return t
}

func (l *Ledger) addf(kind Kind, client string, ch event.Channel, at event.Position, format string, args ...any) {
	const most = 1000 // a run that is this wrong needs no longer list
	if len(l.found) < most {
		l.found = append(l.found, Violation{kind, client, ch, at, fmt.Sprintf(format, args...)})
	}
}
