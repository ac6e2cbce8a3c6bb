package notifier

import (
	"sync"
	"time"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fleet"
	"github.com/bellhop/bellhop/store"
)

// recall remembers who published the newest events, and when, for those who are asked about
// it later. It takes all of its memory at once.
type recall struct {
	mu    sync.Mutex // guards what follows
	since time.Time
	rows  uint64 // so many were written, remembered or not
	slots []acceptance
}

// acceptance is what is remembered of one event in one channel.
type acceptance struct {
	channel event.Channel
	seq     uint64
	fleet.Accepted
}

func newRecall(events int) *recall {
	return &recall{since: time.Now(), slots: make([]acceptance, events)}
}

// note remembers a job that was committed.
func (r *recall) note(j *job, epoch event.Epoch, a *store.Appended) {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	j.noted = r.rows
	r.rows += uint64(j.rows)
	if len(r.slots) == 0 {
		return
	}
	for i, ch := range j.entry.Channels {
		r.slots[(j.noted+uint64(i))%uint64(len(r.slots))] = acceptance{ch, a.Seqs[i], fleet.Accepted{
			Epoch: epoch, Service: j.service, RequestID: j.requestID, Accepted: j.queued, Committed: now,
		}}
	}
}

// announced notes that the bus took a job's events, and how many gateways each was handed
// to; -1: it does not say.
func (r *recall) announced(j *job, receivers []int) {
	if len(r.slots) == 0 {
		return
	}
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, n := range receivers {
		at := j.noted + uint64(i)
		if r.rows-at > uint64(len(r.slots)) {
			continue // others have its place
		}
		s := &r.slots[at%uint64(len(r.slots))]
		s.Announced = &now
		if n >= 0 {
			s.Receivers = &n
		}
	}
}

// written is how many rows were.
func (r *recall) written() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.rows
}

// about is what is remembered of an event.
func (r *recall) about(ch event.Channel, seq uint64) (e fleet.Event) {
	if len(r.slots) == 0 {
		return e
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	oldest := time.Now().Add(-fleet.RememberFor)
	since := r.since
	if n := uint64(len(r.slots)); r.rows > n {
		since = r.slots[r.rows%n].Committed
	}
	if since.Before(oldest) {
		since = oldest
	}
	e.Since = &since
	for i := range r.slots[:min(r.rows, uint64(len(r.slots)))] {
		if s := &r.slots[i]; s.seq == seq && s.channel == ch && s.Committed.After(oldest) {
			e.Accepted = append(e.Accepted, s.Accepted)
		}
	}
	return e
}
