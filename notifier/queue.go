package notifier

import (
	"sync"
	"time"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/tracing"
	"github.com/bellhop/bellhop/store"
)

// rowOverhead is what a row costs in a group besides its data, in bytes, about:
// its other columns in the statement and its share of the bookkeeping.
const rowOverhead = 128

// job is one entry on its way into the log.
type job struct {
	entry   store.Entry
	service string // whose share of the queue it takes
	// users are the subjects whose inboxes the last of the entry's channels are.
	users []string
	// requestID is that of the publisher's request, and noted where recall has the job.
	requestID string
	noted     uint64
	rows      int
	bytes     int
	queued    time.Time
	// trace is the publisher's request, nil if it is not traced.
	trace *tracing.Span
	// series is what the job must not overtake others of; nil: nothing.
	series *series
	// done gets the outcome, exactly once; its one place is never waited for.
	done chan outcome
	// receivers gets, for each channel, how many gateways the bus handed the
	// event to, or nil where that is unknown, exactly once after an append. It
	// is nil for a publisher who did not ask.
	receivers chan []int
}

// outcome is what became of a job.
type outcome struct {
	epoch    event.Epoch
	appended store.Appended
	err      error
}

func newJob(service string, e store.Entry, online bool) *job {
	j := &job{
		entry: e, service: service, rows: len(e.Channels), bytes: len(e.Channels) * (len(e.Data) + rowOverhead),
		queued: time.Now(), done: make(chan outcome, 1),
	}
	if online {
		j.receivers = make(chan []int, 1)
	}
	return j
}

// end gives the job's outcome to who waits for it.
func (j *job) end(o outcome) {
	if j.series != nil && o.err != nil && !refusedForGood(o.err) {
		j.series.broken.Store(true)
	}
	j.done <- o
}

// report hands over the receivers to a publisher who asked for them.
func (j *job) report(receivers []int) {
	if j.receivers != nil {
		j.receivers <- receivers
	}
}

// When the next group starts beside those that are under way. One at a time makes
// the largest groups, but leaves the database idle while the next one is made
// up. A second one pays if it is worth a transaction, and if it does not merely
// halve the first: the same rows in twice as many transactions cost more.
const (
	// overlapRows is how many rows make it worth one. Fewer wait for more.
	overlapRows = 24
	// overlapMost is how many always do, however many are under way: a transaction of
	// so many costs little beside its rows.
	overlapMost = 96
	// stallAfter is how long the newest group may be under way before even a
	// single row does not wait for it: a row that somebody else has locked must
	// not stall everybody.
	stallAfter = 50 * time.Millisecond
	// gatherJobs is how many jobs in a group make it likely that others come at once, above
	// all from those who were just answered. They gather until as many rows wait as were
	// in the group and waited beside it, for half of the time that the group took,
	// gatherMost at most: half as many transactions cost less than that. After smaller
	// groups nothing waits.
	gatherJobs = 4
	gatherMost = time.Millisecond
)

// queue holds jobs in their order of arrival, up to a number of rows and bytes,
// and deals them out in groups. No two groups under way have a channel in
// common: the events of a channel are appended, and published, in the order in
// which they came.
type queue struct {
	limit size // of what waits
	group size // of what is taken at once

	mu     sync.Mutex // guards all below
	change sync.Cond
	jobs   []*job
	held   size
	own    map[string]size            // of held, by service
	busy   map[event.Channel]struct{} // the channels of the groups under way
	groups int                        // how many are under way
	away   int                        // their rows
	newest time.Time                  // when the last of them was taken
	gather time.Time                  // until then the next one may grow
	expect int                        // to so many rows
	closed bool
}

// size is a number of rows and of bytes.
type size struct{ rows, bytes int }

func (s size) plus(j *job) size  { return size{s.rows + j.rows, s.bytes + j.bytes} }
func (s size) minus(j *job) size { return size{s.rows - j.rows, s.bytes - j.bytes} }

// exceeds tells whether s is more than the limit in either respect.
func (s size) exceeds(limit size) bool { return s.rows > limit.rows || s.bytes > limit.bytes }

func newQueue(limit, group size) *queue {
	q := &queue{limit: limit, group: group, own: make(map[string]size), busy: make(map[event.Channel]struct{})}
	q.change.L = &q.mu
	return q
}

// push adds a job without blocking. It fails with ErrBusy, ErrShare or ErrStopped. An
// empty queue takes any job: a request may be larger than what a small configuration
// lets wait. Of a service that has nothing in the queue it takes what there is room for.
func (q *queue) push(j *job) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		return ErrStopped
	case len(q.jobs) > 0 && q.held.plus(j).exceeds(q.limit):
		return ErrBusy
	case q.own[j.service] != (size{}) && !q.withinShare(j):
		return ErrShare
	}
	q.jobs = append(q.jobs, j)
	q.held = q.held.plus(j)
	q.own[j.service] = q.own[j.service].plus(j)
	if q.mayStart() {
		q.change.Signal()
	}
	return nil
}

// withinShare tells whether a job leaves enough room to others. q.mu is held.
func (q *queue) withinShare(j *job) bool {
	own := q.own[j.service]
	return withinShare(own.rows, q.held.rows, j.rows, q.limit.rows) && withinShare(own.bytes, q.held.bytes, j.bytes, q.limit.bytes)
}

// mayStart tells whether another group may be taken: the first one when it has
// gathered; one beside others if it is large enough, or if they take long. q.mu is held.
func (q *queue) mayStart() bool {
	switch {
	case q.held.exceeds(q.group):
		return true
	case q.groups == 0:
		return q.closed || q.held.rows >= q.expect || !time.Now().Before(q.gather)
	}
	return q.held.rows >= min(max(q.away, q.expect, overlapRows), overlapMost) || time.Since(q.newest) >= stallAfter
}

// answering says that the jobs of a group are about to be answered: their publishers
// may come back with more.
func (q *queue) answering(group []*job) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.expect = q.held.rows + rowsOf(group)
}

func rowsOf(group []*job) (rows int) {
	for _, j := range group {
		rows += j.rows
	}
	return rows
}

// take gives the taker's previous group back, waits for the next one and returns
// it. It does not wait for a group to fill: what has gathered while the previous
// one was written is the group. It returns nil when the queue is closed and empty.
//
// Both happen in one step, so that with few jobs one taker goes on alone: another
// one would snatch the first that comes before the others have gathered.
func (q *queue) take(done []*job) []*job {
	q.mu.Lock()
	defer q.mu.Unlock()
	if done != nil {
		q.release(done)
	}
	for {
		if q.mayStart() {
			if group := q.deal(); group != nil {
				return group
			}
		}
		if q.closed && len(q.jobs) == 0 {
			return nil
		}
		q.change.Wait()
	}
}

// deal takes the first jobs that touch no busy channel and fit into a group; a
// single job may be larger. What it passes over keeps its place, and bars what
// follows it in the same channels. q.mu is held.
func (q *queue) deal() []*job {
	var group []*job
	var taken size
	passed := make(map[event.Channel]struct{})
	rest := q.jobs[:0]
	for i, j := range q.jobs {
		if len(group) > 0 && taken.plus(j).exceeds(q.group) {
			rest = append(rest, q.jobs[i:]...)
			break
		}
		if j.touches(q.busy) || j.touches(passed) {
			j.mark(passed)
			rest = append(rest, j)
			continue
		}
		group = append(group, j)
		taken = taken.plus(j)
	}
	if len(group) == 0 {
		return nil // rest is all there was, where it was
	}
	clear(q.jobs[len(rest):])
	q.jobs = rest
	for _, j := range group {
		q.held = q.held.minus(j)
		if q.own[j.service] = q.own[j.service].minus(j); q.own[j.service] == (size{}) {
			delete(q.own, j.service)
		}
		j.mark(q.busy)
	}
	q.groups++
	q.away += taken.rows
	q.expect = 0
	q.newest = time.Now()
	// Nobody else would wake those who wait for it to take long.
	time.AfterFunc(stallAfter, q.change.Broadcast)
	return group
}

func (j *job) touches(channels map[event.Channel]struct{}) bool {
	if len(channels) == 0 {
		return false
	}
	for _, ch := range j.entry.Channels {
		if _, ok := channels[ch]; ok {
			return true
		}
	}
	return false
}

func (j *job) mark(channels map[event.Channel]struct{}) {
	for _, ch := range j.entry.Channels {
		channels[ch] = struct{}{}
	}
}

// release frees the channels of a group that is done. q.mu is held.
func (q *queue) release(group []*job) {
	for _, j := range group {
		for _, ch := range j.entry.Channels {
			delete(q.busy, ch)
		}
	}
	q.groups--
	q.away -= rowsOf(group)
	if pause := min(time.Since(q.newest)/2, gatherMost); q.groups == 0 && len(group) >= gatherJobs && q.held.rows < q.expect {
		q.gather = time.Now().Add(pause)
		time.AfterFunc(pause, q.change.Broadcast)
	}
	q.change.Broadcast()
}

// depth is the number of rows that wait.
func (q *queue) depth() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.held.rows
}

// close lets nothing in any more; what is inside can still be taken.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.change.Broadcast()
}
