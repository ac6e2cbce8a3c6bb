// Package read puts the questions of a hub to a log: for the heads of channels, for
// ranges of their events, and for the newest transactions.
//
// It knows channels by name and decides nothing about them. What it adds is economy:
// questions that come together share a query, queries keep a distance from each other,
// and those that fail are put again after a pause. Who asks is told when the query
// starts, because an answer is worth something only to those who asked before that,
// and again with the answer. There is one of everything for each log, so that neither
// log waits for the other.
package read

import (
	"context"
	"time"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/wait"
	"github.com/bellhop/bellhop/store"
)

// Log is what is asked.
type Log interface {
	// Heads answers in the order of channels, from a query that starts after the
	// call and, if fresh, on a connection opened after it.
	Heads(ctx context.Context, channels []event.Channel, fresh bool) (Answer, error)
	// Ranges returns a page for each range, in order.
	Ranges(ctx context.Context, ranges []store.Range) ([]store.Page, error)
}

// Answer is what a log said about the heads of channels.
type Answer struct {
	// Epoch and Heads are the database's, which has one epoch for all; Kept are
	// those of a log whose channels have an epoch each.
	Epoch event.Epoch
	Heads []store.Head
	Kept  []store.KeptHead
	Stale bool // a replica's, while the primary is away
	Fresh bool // from a connection opened for this question
	// Refused: the epoch is not believed, and the question is to be put again
	// over a new connection.
	Refused bool
}

// Of is what the answer says about the channel that was asked for as the i-th.
func (a *Answer) Of(i int) (event.Epoch, store.Head) {
	if a.Kept != nil {
		return a.Kept[i].Epoch, a.Kept[i].Head
	}
	return a.Epoch, a.Heads[i]
}

// Handler is who asks. Its methods are called without a lock, by one goroutine for
// heads and by several for ranges.
type Handler interface {
	// HeadsStart is called as a query for the heads of channels starts. It
	// returns those that are still to be asked for, and who takes the answer to
	// them, or the error that there was instead.
	HeadsStart(channels []event.Channel) (asked []event.Channel, done func(*Answer, error))
	// RangeStart is called as the query of a range starts. It completes the range
	// by what is known by now, and tells whether it is still to be read.
	RangeStart(r *Range) bool
	// RangeDone takes the page.
	RangeDone(r *Range, p *store.Page)
	// Failed hears that a query had no answer.
	Failed(ctx context.Context, what string, channels int, err error)
}

// idle is how long readers wait at a time for somebody to ask.
const idle = time.Hour

// lookDebounce gathers the doubts of many channels into one look at a log.
const lookDebounce = 20 * time.Millisecond

// Schedule says how often a log is looked at without being asked to.
type Schedule struct {
	Period, Suspect time.Duration // usually, and while InDoubt says so
	InDoubt         func() bool
}

// Wait waits until the log is to be looked at again: after a period, or soon after
// somebody asked for it. False: ctx ended.
func (s *Schedule) Wait(ctx context.Context, asked wait.Signal) bool {
	d := s.Period
	if s.InDoubt() {
		d = min(d, s.Suspect)
	}
	if asked.Wait(ctx, d) {
		return wait.For(ctx, min(lookDebounce, s.Suspect))
	}
	return ctx.Err() == nil
}
