package notifier

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/internal/server"
	"github.com/bellhop/bellhop/store"
)

// errBehind: the event was not tried, because one before it in its series failed.
var errBehind = errors.New("an earlier event of the series was not written")

// series are events of which none may overtake another one of its channel, whatever
// happens to that one: once an event is not written, none that is not under way yet
// will be. The queue sees to it that those of one channel are under way one by one.
type series struct{ broken atomic.Bool }

// refusedForGood tells whether an event broke a rule, so that nobody waits for it.
func refusedForGood(err error) bool { return errors.Is(err, store.ErrKeyBody) }

// inOrder refuses the jobs of a group whose series is broken, and returns the others.
func inOrder(group []*job, refuse func(error, ...*job)) []*job {
	behind := func(j *job) bool { return j.series != nil && j.series.broken.Load() }
	if !slices.ContainsFunc(group, behind) {
		return group
	}
	left := slices.Clone(group) // the queue has the group back as it was
	return slices.DeleteFunc(left, func(j *job) bool {
		if !behind(j) {
			return false
		}
		refuse(errBehind, j)
		return true
	})
}

// Outgoing is an event that does not come by a request. Channels, Users and Data are
// JSON, and judged as that of a request is; nil: there are none.
type Outgoing struct {
	Channels, Users, Data json.RawMessage
	Type                  string
	Key                   string    // makes it safe to repeat for 24 h; required
	CollapseKey           string    // empty: none
	ExpiresAt             time.Time // zero: never
}

// Receipt is what became of an Outgoing.
type Receipt struct {
	// Err is nil once the event is written.
	Err error
	// Refused: the event breaks a rule, which Err tells in words for people. It would be
	// refused again, and holds up nobody. Otherwise an Err means that it may succeed later.
	Refused bool
	// Unfit: the log took others but not this event, for what it holds. It holds up its
	// channels; who repeats it in vain for long may take it for refused.
	Unfit bool
}

// PublishInOrder publishes events, and returns when it is known what became of each.
// Events of one channel are written in their order, and none overtakes one that is to be
// repeated: who repeats those in their order keeps it. One call at a time does so for
// each source. More events than the queue takes wait for their turn here.
func (n *Notifier) PublishInOrder(ctx context.Context, from auth.Service, events []Outgoing) []Receipt {
	receipts := make([]Receipt, len(events))
	jobs := make([]*job, len(events))
	run, waited := new(series), 0
	wait := func(i int) {
		if jobs[i] != nil {
			receipts[i] = receipt(n.await(ctx, jobs[i]).err)
		}
	}
	for i, e := range events {
		j, problem := n.outgoing(from, e)
		if problem != nil {
			receipts[i] = Receipt{Err: errors.New(sentence(problem)), Refused: true}
			continue
		}
		j.series = run
		err := n.submitInTurn(j)
		for ; (errors.Is(err, ErrBusy) || errors.Is(err, ErrShare)) && waited < i && !run.broken.Load(); waited++ {
			wait(waited)
			err = n.submitInTurn(j)
		}
		if err != nil {
			run.broken.Store(true)
			receipts[i] = Receipt{Err: err}
			continue
		}
		jobs[i] = j
	}
	for ; waited < len(events); waited++ {
		wait(waited)
	}
	return receipts
}

// submitInTurn queues a job unless one before it failed.
func (n *Notifier) submitInTurn(j *job) error {
	if j.series.broken.Load() {
		return errBehind
	}
	return n.submit(j)
}

func receipt(err error) Receipt {
	return Receipt{
		Err: err, Refused: err != nil && refusedForGood(err),
		Unfit: errors.Is(err, store.ErrNotWritten) && !errors.Is(err, store.ErrUnavailable),
	}
}

// outgoing makes a job of an event, by the rules of a request.
func (n *Notifier) outgoing(from auth.Service, e Outgoing) (*job, *server.Problem) {
	var m members
	for _, v := range []member{{"channels", e.Channels}, {"users", e.Users}, {"data", e.Data}} {
		if v.value == nil {
			continue
		}
		if err := checkJSON(v.value); err != nil {
			return nil, brokenRule(v.name, err.Error())
		}
		m = append(m, v)
	}
	m = append(m, member{"type", quote(e.Type)})
	if e.CollapseKey != "" {
		m = append(m, member{"collapse_key", quote(e.CollapseKey)})
	}
	if !e.ExpiresAt.IsZero() {
		m = append(m, member{"expires_at", quote(e.ExpiresAt.UTC().Format(time.RFC3339Nano))})
	}
	if !validKey(e.Key) {
		return nil, brokenRule("idempotency_key", errIdempotencyKey.Error())
	}
	p := &parser{policies: n.cfg.access.Load().policies, service: from, maxData: n.cfg.MaxData}
	entry, problem := p.event(m, e.Key)
	if problem != nil {
		return nil, problem
	}
	entry.InOrder = true
	j := newJob(from.Name, entry, false)
	j.users = p.users
	return j, tooMuch(j)
}

func quote(s string) json.RawMessage { return appendString(nil, s) }

// sentence says in words what a problem is.
func sentence(p *server.Problem) string {
	if len(p.Errors) == 0 {
		return p.Detail
	}
	parts := make([]string, len(p.Errors))
	for i, f := range p.Errors {
		parts[i] = fmt.Sprintf("%s: %s", strings.TrimPrefix(f.Location, "."), f.Detail)
	}
	return strings.Join(parts, "; ")
}
