// Package track decides what a gateway does about one channel and one listener of it.
//
// It is made of plain values. A Channel is told what happens (somebody joins, the bus
// brings a message, the log answers) and says what follows, as Effects; a Listener is
// told what is handed to it and says what its client gets next. There is no lock, no
// clock, no log and no socket here: time is an argument, and whoever owns a value
// guards it and does what it said. The rules of docs/protocol.md for following and
// joining stand in this package, and nowhere else.
package track

import (
	"time"

	"github.com/bellhop/bellhop/event"
)

// Rules say how a channel is followed. They are shared by many channels and never
// change.
type Rules struct {
	// Kept: the channel is in the kept log and has an epoch of its own. Those of the
	// database share one.
	Kept bool
	// JoinLatest hands a listener that brings no position the newest event (with
	// Conflate: the newest of each type) before its bellhop.ready. Nothing stands
	// in for a newest event that was deleted or has expired.
	JoinLatest bool
	// Conflate lets a listener that is behind skip to the newest event of each
	// type. What it gets is in the order of the channel, and the last value
	// always arrives.
	Conflate bool
	// MaxRate is the rate limit: how many times a second listeners that are live are
	// given what is new; zero: every time. It needs Conflate.
	MaxRate int
}

func (r *Rules) limited() bool { return r.Conflate && r.MaxRate > 0 }

// Limits bound what channels keep and how long they wait.
type Limits struct {
	RingFrames, RingBytes int           // of the recent frames of a channel
	RingAge               time.Duration // how long they are kept
	GapWait               time.Duration // how long a gap may close by itself
	Idle                  time.Duration // how long a channel without listeners is held
	// Aged is told the age of each event as it is handed to a channel's listeners, but not
	// of those that were there when the channel was joined first, or are read again.
	Aged func(time.Duration)
	// Marks makes the mark of each event that comes, for whoever is handed it. Nil: none
	// gets one.
	Marks func(event.Channel, event.Position, Via) Mark
}

// mark marks an entry of a channel.
func (l *Limits) mark(e *Entry, ch event.Channel, epoch event.Epoch) {
	if l.Marks != nil && e.Block != nil {
		e.Mark = l.Marks(ch, event.Position{Epoch: epoch, Seq: e.Seq}, e.Via)
	}
}

// Moment is what a decision needs of the world outside.
type Moment struct {
	Now     time.Time
	InDoubt bool // the bus can't be relied on
	LogAway bool // the channel's log did not answer the last question

	*Limits
}

// Do is a set of things that are to be done.
type Do uint16

// What is to be done.
const (
	Wake        Do = 1 << iota // have every listener look
	Ask                        // ask the log for the head
	AskFresh                   // ... over a connection that is opened now
	AskLater                   // ... after a pause
	LookAround                 // look for what the bus lost: in the tail, or Ask
	Fill                       // read what follows Filled
	WatchGap                   // call GapDue after Effects.Gap
	AwaitPeriod                // call PeriodOver after Effects.Period
	Subscribe                  // subscribe to the channel on the bus
	Unsubscribe                // unsubscribe from it
	TellNote                   // hand Effects.Note to the listeners whose inbox this is
	Confirm                    // tell every listener that the primary vouches for its position
	Drop                       // forget the channel
)

// Effects is what follows from something that happened.
type Effects struct {
	Do     Do
	Cause  Cause         // with WatchGap: what showed the gap
	Gap    time.Duration // with WatchGap
	Period time.Duration // with AwaitPeriod
	Note   Note          // with TellNote
}

// Has tells whether something is to be done.
func (fx *Effects) Has(d Do) bool { return fx.Do&d != 0 }

// Cause says what showed that events are missing.
type Cause uint8

// Causes.
const (
	CauseBus   Cause = iota // a later one came over the bus
	CauseTail               // the newest transactions
	CauseHeads              // an answer about the heads
	CauseCount
)

// LogEpoch is the epoch of a log whose channels share one, as its primary confirmed
// it; empty: nothing was confirmed.
type LogEpoch struct{ now event.Epoch }

// Now is the epoch that is believed.
func (e *LogEpoch) Now() event.Epoch { return e.now }

// Believe decides what the epoch of a primary's answer is worth. before is the epoch
// that was believed when the query started. One that differs is believed only from a
// new connection, and only if nothing changed meanwhile: an old answer must not turn
// the hub back. Epochs that were left are not barred, since a hub that was once
// deceived would then bar the right one for ever. changed: another one ended.
func (e *LogEpoch) Believe(epoch, before event.Epoch, fresh bool) (believed, changed bool) {
	switch {
	case epoch == e.now:
		return true, false
	case !fresh || e.now != before:
		return false, false
	}
	e.now = epoch
	return true, before != ""
}
