package read

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

// query is a query that the fake log got.
type query struct {
	at       time.Duration // since the fake was made
	channels []event.Channel
	fresh    bool
	ranges   []store.Range
}

// fake is a log that answers after a while, and who asks it. It says nothing of
// channels in dropped.
type fake struct {
	began time.Time
	takes time.Duration // how long a query is under way

	mu      sync.Mutex
	fails   int // so many queries fail
	stale   bool
	dropped map[event.Channel]bool
	queries []query
	answers map[event.Channel]int // good ones
	failed  int
	pages   []Range
}

func newFake(takes time.Duration) *fake {
	return &fake{began: time.Now(), takes: takes, dropped: make(map[event.Channel]bool), answers: make(map[event.Channel]int)}
}

func (f *fake) put(q query) error {
	q.at = time.Since(f.began)
	f.mu.Lock()
	f.queries = append(f.queries, q)
	fails := f.fails > 0
	f.fails--
	f.mu.Unlock()
	<-time.After(f.takes)
	if fails {
		return store.ErrUnavailable
	}
	return nil
}

func (f *fake) Heads(_ context.Context, channels []event.Channel, fresh bool) (Answer, error) {
	err := f.put(query{channels: slices.Clone(channels), fresh: fresh})
	return Answer{Heads: make([]store.Head, len(channels)), Stale: f.stale}, err
}

func (f *fake) Ranges(_ context.Context, ranges []store.Range) ([]store.Page, error) {
	err := f.put(query{ranges: slices.Clone(ranges)})
	return make([]store.Page, len(ranges)), err
}

func (f *fake) HeadsStart(channels []event.Channel) ([]event.Channel, func(*Answer, error)) {
	asked := slices.DeleteFunc(slices.Clone(channels), func(ch event.Channel) bool { return f.dropped[ch] })
	return asked, func(_ *Answer, err error) {
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, ch := range asked {
			if err == nil {
				f.answers[ch]++
			}
		}
	}
}

func (f *fake) RangeStart(r *Range) bool { return !f.dropped[r.Channel] }

func (f *fake) RangeDone(r *Range, _ *store.Page) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pages = append(f.pages, *r)
}

func (f *fake) Failed(context.Context, string, int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failed++
}

// put returns what was asked until now.
func (f *fake) asked() []query {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.queries)
}

// run has loops run until the returned function is called.
func run(t *testing.T, loops ...func(context.Context)) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for _, loop := range loops {
		all.Go(func() { loop(ctx) })
	}
	return func() { cancel(); all.Wait() }
}
