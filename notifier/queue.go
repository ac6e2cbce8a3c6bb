package notifier

import (
	"sync"
	"time"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

// rowOverhead is what a row costs in a group besides its data, in bytes, about:
// its other columns in the statement and its share of the bookkeeping.
const rowOverhead = 128

// job is one entry on its way into the log.
type job struct {
	entry  store.Entry
	rows   int
	bytes  int
	queued time.Time
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

func newJob(e store.Entry, online bool) *job {
	j := &job{
		entry: e, rows: len(e.Channels), bytes: len(e.Channels) * (len(e.Data) + rowOverhead),
		queued: time.Now(), done: make(chan outcome, 1),
	}
	if online {
		j.receivers = make(chan []int, 1)
	}
	return j
}

// report hands over the receivers to a publisher who asked for them.
func (j *job) report(receivers []int) {
	if j.receivers != nil {
		j.receivers <- receivers
	}
}

// queue holds jobs in their order of arrival, up to a number of rows and bytes.
type queue struct {
	maxRows, maxBytes int

	mu     sync.Mutex // guards all below
	more   sync.Cond
	jobs   []*job
	rows   int
	bytes  int
	closed bool
}

func newQueue(maxRows, maxBytes int) *queue {
	q := &queue{maxRows: maxRows, maxBytes: maxBytes}
	q.more.L = &q.mu
	return q
}

// push adds a job without blocking. It fails with ErrBusy or ErrStopped. An
// empty queue takes any job: a request may be larger than what a small
// configuration lets wait.
func (q *queue) push(j *job) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.closed:
		return ErrStopped
	case len(q.jobs) > 0 && (q.rows+j.rows > q.maxRows || q.bytes+j.bytes > q.maxBytes):
		return ErrBusy
	}
	q.jobs = append(q.jobs, j)
	q.rows += j.rows
	q.bytes += j.bytes
	q.more.Signal()
	return nil
}

// take waits for a job and returns it with all that follow it and fit into a
// group of rows and bytes; a single job may be larger. It returns nil when the
// queue is closed and empty. It does not wait for a group to fill: what has
// gathered while the previous one was written is the group.
func (q *queue) take(rows, bytes int) []*job {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.jobs) == 0 {
		if q.closed {
			return nil
		}
		q.more.Wait()
	}
	n, r, b := 0, 0, 0
	for _, j := range q.jobs {
		if n > 0 && (r+j.rows > rows || b+j.bytes > bytes) {
			break
		}
		n, r, b = n+1, r+j.rows, b+j.bytes
	}
	group := make([]*job, n)
	copy(group, q.jobs)
	rest := copy(q.jobs, q.jobs[n:])
	clear(q.jobs[rest:])
	q.jobs = q.jobs[:rest]
	q.rows -= r
	q.bytes -= b
	return group
}

// depth is the number of rows that wait.
func (q *queue) depth() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.rows
}

// close lets nothing in any more; what is inside can still be taken.
func (q *queue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.more.Broadcast()
}
