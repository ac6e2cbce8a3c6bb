package hub

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

const (
	// fetchLimit is the most events that one range brings.
	fetchLimit = 256
	// pageBytes is about how much of a page a stream holds at a time. A stream
	// asks for a page when its socket can take bytes, and for the next one when
	// the last was written, so this bounds what a slow client costs.
	pageBytes = 64 << 10

	// fetchPace is the shortest time between two queries of one of the two
	// goroutines that read: in a rush it makes many streams share a query.
	fetchPace = 2 * askPace

	fetchBackoff     = 100 * time.Millisecond
	fetchBackoffMost = time.Second
)

// fetcher reads ranges of events: what holes miss, for all listeners of a
// channel at once, and what streams are behind. Ranges of many channels share a
// query, and streams of one channel share a range.
type fetcher struct {
	src  *source
	kick signal

	mu    sync.Mutex
	queue []*channel
	want  map[*channel]*want
}

// want is what is to be read of one channel.
type want struct {
	fill bool
	subs []wish
}

// wish is a stream's question for what follows its position.
type wish struct {
	sub     *sub
	at      event.Position
	through uint64 // what is known to exist
}

// page is what a stream gets to replay.
type page struct {
	floor   uint64
	last    uint64
	entries []entry // above the position of the wish
}

func (f *fetcher) init(s *source) {
	f.src = s
	f.kick = newSignal()
	f.want = make(map[*channel]*want)
}

// fill asks for what follows the channel's head. The channel has set its hole to filling.
func (f *fetcher) fill(c *channel) { f.add(c, want{fill: true}) }

// read asks for what follows a stream's position.
func (f *fetcher) read(c *channel, w wish) { f.add(c, want{subs: []wish{w}}) }

func (f *fetcher) add(c *channel, w want) {
	f.mu.Lock()
	if have := f.want[c]; have != nil {
		have.fill = have.fill || w.fill
		have.subs = append(have.subs, w.subs...)
	} else {
		f.want[c] = &w
		f.queue = append(f.queue, c)
	}
	f.mu.Unlock()
	f.kick.raise()
}

// job is a range of a query and who wants its page.
type job struct {
	c     *channel
	epoch event.Epoch
	fill  bool
	subs  []wish
}

// take makes a query of what is wanted.
func (f *fetcher) take() (jobs []job, ranges []store.Range) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for len(f.queue) > 0 && len(ranges)+2 <= store.MaxRanges {
		c := f.queue[0]
		f.queue = f.queue[1:]
		w := f.want[c]
		delete(f.want, c)
		if w.fill {
			jobs = append(jobs, job{c: c, fill: true})
			ranges = append(ranges, store.Range{Channel: c.name, Limit: fetchLimit})
		}
		if len(w.subs) > 0 {
			// The one that is furthest behind decides where the range begins;
			// who is beyond its end asks again.
			first := slices.MinFunc(w.subs, func(a, b wish) int { return cmp.Compare(a.at.Seq, b.at.Seq) })
			jobs = append(jobs, job{c: c, epoch: first.at.Epoch, subs: w.subs})
			ranges = append(ranges, store.Range{
				Channel: c.name, After: first.at.Seq, Epoch: first.at.Epoch, Through: first.through, Limit: fetchLimit,
			})
		}
	}
	if len(f.queue) == 0 {
		f.queue = nil
	} else {
		f.kick.raise() // there is work for another goroutine
	}
	return jobs, ranges
}

func (f *fetcher) run(ctx context.Context) {
	backoff := fetchBackoff
	for {
		jobs, ranges := f.take()
		if len(jobs) == 0 {
			select {
			case <-f.kick:
				continue
			case <-ctx.Done():
				return
			}
		}
		for i := range jobs {
			jobs[i].c.expect(&jobs[i], &ranges[i])
		}
		due := time.Now().Add(fetchPace)
		pages, err := f.ask(ctx, ranges)
		if err == nil {
			backoff = fetchBackoff
			for i := range jobs {
				f.deliver(&jobs[i], &ranges[i], &pages[i])
			}
			if d := time.Until(due); d > 0 && !pause(ctx, d) {
				return
			}
			continue
		}
		for _, j := range jobs {
			f.add(j.c, want{fill: j.fill, subs: j.subs})
		}
		if !pause(ctx, backoff/2+rand.N(backoff)) {
			return
		}
		backoff = min(2*backoff, fetchBackoffMost)
	}
}

func (f *fetcher) ask(ctx context.Context, ranges []store.Range) ([]store.Page, error) {
	ctx, cancel := context.WithTimeout(ctx, f.src.timeout())
	defer cancel()
	pages, err := f.src.ranges(ctx, ranges)
	f.src.h.metrics.reads.Inc()
	if err != nil {
		f.src.complain(ctx, "events can't be read", len(ranges), err)
	}
	return pages, err
}

// expect completes a range by what is known as its query starts. Where a fill goes
// on from: the bus may have moved the head since it was asked for. And a version:
// a replica that has the events, but not yet a deletion among them, is behind.
func (c *channel) expect(j *job, r *store.Range) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if j.fill {
		j.epoch = c.at.Epoch
		r.After, r.Epoch, r.Through = c.at.Seq, c.at.Epoch, c.target
	}
	if r.Epoch == c.at.Epoch {
		r.Version = c.tally.version
	}
}

func (f *fetcher) deliver(j *job, r *store.Range, p *store.Page) {
	if j.fill {
		j.c.filled(event.Position{Epoch: j.epoch, Seq: r.After}, p)
		return
	}
	if p.Epoch != j.epoch && !p.Stale {
		// The primary lives in another epoch: find out, then go on.
		j.c.ask(true)
	}
	if p.Epoch != j.epoch || (p.Last == r.After && p.Last < r.Through && p.Floor <= r.After) {
		// Nothing to go on with: the epoch changes, or the replica that stands
		// in for the primary does not have it yet.
		time.AfterFunc(fetchBackoff, func() {
			for _, w := range j.subs {
				w.sub.stream.turn(w.sub, nil)
			}
		})
		return
	}
	events := p.Events
	if j.c.conflates() {
		events = newest(events)
	}
	entries := make([]entry, len(events))
	for i := range events {
		e := &events[i]
		entries[i] = newEntry(j.c.name, event.Position{Epoch: p.Epoch, Seq: e.Seq}, event.NewFrame(e), viaReplay)
	}
	for _, w := range j.subs {
		switch {
		case w.at.Epoch != j.epoch:
			w.sub.stream.turn(w.sub, nil) // it will see for itself
		case w.at.Seq >= p.Last && p.Last < p.Seq:
			f.read(j.c, w) // beyond the end of this page
		default:
			w.sub.stream.turn(w.sub, cut(p, entries, w.at.Seq))
		}
	}
}

// cut takes the part of a page that follows a position, of about pageBytes.
func cut(p *store.Page, entries []entry, after uint64) *page {
	first, _ := slices.BinarySearchFunc(entries, after+1, func(e entry, seq uint64) int {
		return cmp.Compare(e.seq, seq)
	})
	out := &page{floor: p.Floor, last: max(p.Last, after), entries: entries[first:]}
	size := 0
	for i := range out.entries {
		if size += len(out.entries[i].block); size >= pageBytes && i+1 < len(out.entries) {
			out.last = out.entries[i].seq
			// A copy, so that a slow stream keeps no more alive than it will send.
			out.entries = slices.Clone(out.entries[:i+1])
			break
		}
	}
	return out
}
