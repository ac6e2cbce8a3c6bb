package client

// send publishes what is added until the queue is closed and empty.
func (q *Queue) send() {
	defer close(q.stopped)
	for first := range q.items {
		batch := q.gather(first)
		if q.ctx.Err() != nil {
			for _, it := range batch {
				q.report(it, Result{Err: ErrClosed})
			}
			continue
		}
		results := make([]Result, len(batch))
		jobs := make([]*job, len(batch))
		for i := range batch {
			jobs[i] = &job{item: batch[i], result: &results[i]}
		}
		q.client.publishJobs(q.ctx, jobs)
		for i, r := range results {
			q.report(batch[i], r)
		}
	}
}

// gather takes what waits already, up to the size of a request. It does not wait
// for more: under load more is there.
func (q *Queue) gather(first item) []item {
	batch := []item{first}
	for len(batch) < maxBatch {
		select {
		case next, open := <-q.items:
			if !open {
				return batch
			}
			batch = append(batch, next)
		default:
			return batch
		}
	}
	return batch
}

func (q *Queue) report(it item, r Result) {
	if r.Err != nil {
		q.failed++
	}
	if q.done != nil {
		e := it.event
		e.Data = it.body
		q.done(e, r.Receipt, r.Err)
	}
}
