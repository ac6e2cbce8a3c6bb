package loadgen

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bellhop/bellhop/internal/wait"
)

// poll is how often workers are asked, and progress is told.
const (
	pollEvery     = 200 * time.Millisecond
	progressEvery = time.Second
)

// ErrTimeout tells that the streams did not get where they should in time.
var ErrTimeout = errors.New("not in time")

// Run carries the plan out. Its result is as complete as its error lets it be.
func Run(ctx context.Context, plan Plan) (_ Result, err error) {
	plan, err = plan.withDefaults()
	if err != nil {
		return Result{}, err
	}
	t := &test{Plan: plan, result: Result{Streams: plan.Streams}, toldAt: time.Now()}
	if err := t.collect(ctx); err != nil {
		return t.result, err
	}
	if t.result.Before, err = t.sample(); err != nil {
		return t.result, err
	}
	if t.pool, err = StartPool(ctx, plan.Worker, plan.Processes, plan.Streams, plan.Population); err != nil {
		return t.result, err
	}
	defer func() { err = errors.Join(err, t.pool.Close()) }()
	err = t.phases(ctx)
	var ferr error
	t.result.Final, ferr = t.pool.Report()
	return t.result, errors.Join(err, ferr)
}

type test struct {
	Plan
	pool   *Pool
	result Result
	toldAt time.Time
}

// step is a phase that a plan may have.
type step struct {
	name   string
	wanted bool
	run    func(context.Context, *Phase) error
}

func (t *test) phases(ctx context.Context) error {
	storm := step{"storm", true, t.come(t.pool.Cut)}
	for _, s := range append([]step{
		{"connect", true, t.come(func() error { return t.pool.Hold(t.Streams) })},
		{"settle", t.Settle > 0, t.watch(t.Settle)},
		{"idle", t.Idle > 0, t.watch(t.Idle)},
		{"traffic", len(t.Traffic.Notifiers) > 0, t.traffic},
	}, slices.Repeat([]step{storm}, t.Storms)...) {
		if !s.wanted {
			continue
		}
		if s.name == "idle" {
			if err := t.collect(ctx); err != nil {
				return err
			}
		}
		if err := t.phase(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// phase measures what a step does.
func (t *test) phase(ctx context.Context, s step) error {
	if err := t.pool.Fresh(); err != nil {
		return err
	}
	first, err := t.pool.Report()
	if err != nil {
		return err
	}
	before, err := t.sample()
	if err != nil {
		return err
	}
	began := time.Now()
	p := Phase{Name: s.name}
	if err := s.run(ctx, &p); err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	p.Took = time.Since(began)
	if p.Usage, err = t.sample(); err != nil {
		return err
	}
	for name, u := range p.Usage {
		p.Usage[name] = u.since(before[name])
	}
	last, err := t.pool.Report()
	if err != nil {
		return err
	}
	p.Workers = last.CPU - first.CPU
	p.Delivered = last.Counts.Events - first.Counts.Events
	t.result.Phases = append(t.result.Phases, p)
	if t.Sampled != nil {
		t.Sampled(s.name)
	}
	return nil
}

func (t *test) sample() (map[string]Usage, error) {
	usage := make(map[string]Usage, len(t.PIDs))
	for name, pid := range t.PIDs {
		u, err := Sample(pid)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		usage[name] = u
	}
	return usage, nil
}

// collect has the processes collect their garbage, as asking for a heap profile
// does.
func (t *test) collect(ctx context.Context) error {
	for _, admin := range t.Collect {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, admin+"/debug/pprof/heap?gc=1", nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return fmt.Errorf("collect garbage: %w", err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("collect garbage: %s: %s", admin, resp.Status)
		}
	}
	return nil
}

// await asks the workers until done says so, at the longest for a time.
func (t *test) await(ctx context.Context, within time.Duration, done func(Report) bool) (Report, error) {
	deadline := time.Now().Add(within)
	for {
		r, err := t.pool.Report()
		if err != nil {
			return r, err
		}
		t.tell(r)
		switch {
		case done(r):
			return r, nil
		case time.Now().After(deadline):
			return r, ErrTimeout
		case !wait.For(ctx, pollEvery):
			return r, context.Cause(ctx)
		}
	}
}

// tell writes the progress line, if it is time.
func (t *test) tell(r Report) {
	if time.Since(t.toldAt) < progressEvery {
		return
	}
	t.toldAt = time.Now()
	c := &r.Counts
	fmt.Fprintf(t.Progress, "%s  %d of %d live, %d events, %d lost, %d twice, %d refused, %d broken, p99 %v\n",
		t.toldAt.Format(time.TimeOnly), r.Ready, t.Streams, c.Events, c.Lost, c.Duplicates, c.Refused, c.Broken,
		r.Latencies.Post.Quantile(0.99).Round(10*time.Microsecond))
}

// come has the workers do what brings all streams there, and waits for them.
func (t *test) come(order func() error) func(context.Context, *Phase) error {
	return func(ctx context.Context, p *Phase) error {
		if err := order(); err != nil {
			return err
		}
		r, err := t.await(ctx, t.Patience, func(r Report) bool { return r.Ready == t.Streams })
		p.Joins = &r.Joins
		if err != nil {
			return fmt.Errorf("%d of %d streams are live, %d connects were refused: %w", r.Ready, t.Streams, r.Counts.Refused, err)
		}
		return nil
	}
}

func (t *test) watch(d time.Duration) func(context.Context, *Phase) error {
	return func(ctx context.Context, _ *Phase) error {
		end := time.Now().Add(d)
		_, err := t.await(ctx, d+t.Patience, func(Report) bool { return !time.Now().Before(end) })
		return err
	}
}

func (t *test) traffic(ctx context.Context, p *Phase) error {
	first, err := t.pool.Report()
	if err != nil {
		return err
	}
	published, err := t.publish(ctx)
	p.Published = &published
	if err != nil {
		return err
	}
	// A post that failed may have been written all the same.
	want := t.deliveries(published.Events)
	last, err := t.await(ctx, t.Patience, func(r Report) bool { return r.Counts.Events-first.Counts.Events >= want })
	p.Latencies = &last.Latencies
	if errors.Is(err, ErrTimeout) {
		t.result.Missing += want - (last.Counts.Events - first.Counts.Events)
		return nil
	}
	return err
}

// publish publishes the traffic, and tells about the streams meanwhile.
func (t *test) publish(ctx context.Context) (published Published, err error) {
	ctx, cancel := context.WithCancel(ctx)
	var over atomic.Bool
	var publishing sync.WaitGroup
	publishing.Go(func() {
		published = t.Traffic.Publish(ctx)
		over.Store(true)
	})
	_, err = t.await(ctx, t.Traffic.Duration+t.Patience, func(Report) bool { return over.Load() })
	cancel()
	publishing.Wait()
	return published, err
}
