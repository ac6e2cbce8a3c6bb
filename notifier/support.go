package notifier

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fleet"
	"github.com/bellhop/bellhop/internal/server"
	"github.com/bellhop/bellhop/store"
)

// Support is what answers to operators' questions are made of.
type Support struct {
	Fleet   *fleet.Member
	Records *store.DB
	// Earlier names gateways that run and are none of the members that are known, as those
	// of an earlier version. Nil: there are none.
	Earlier func(ctx context.Context, known []string) ([]string, error)
}

// answer has this process answer others.
func (n *Notifier) answer(m *fleet.Member) {
	m.Answer(fleet.AboutLoad, func(context.Context, fleet.Question) (any, error) {
		return fleet.Load{Queue: n.depth(), Accepted: n.recall.written(), BusInDoubt: m.InDoubt(), HeapBytes: fleet.HeapBytes(), Servers: m.Servers()}, nil
	})
	m.Answer(fleet.AboutEvent, func(_ context.Context, q fleet.Question) (any, error) {
		return n.recall.about(q.Channel, q.Seq), nil
	})
	for _, about := range []string{fleet.AboutPerson, fleet.AboutChannel, fleet.AboutOnline} { // it has no streams
		m.Answer(about, func(context.Context, fleet.Question) (any, error) { return nil, nil }) //nolint:nilnil // that is the answer
	}
}

// depth is how many rows wait to be written.
func (n *Notifier) depth() int {
	depth := n.batcher.queue.depth()
	if n.keptBatcher != nil {
		depth += n.keptBatcher.queue.depth()
	}
	return depth
}

// asked is what came of a question, with the names of who did not answer; the list is
// never null in JSON.
func asked[T any](ctx context.Context, s *Support, about string, q fleet.Question) ([]fleet.Answer[T], []string) {
	got := fleet.Ask[T](ctx, s.Fleet, about, q)
	silent, members := []string{}, []string{}
	for i := range got.Of {
		members = append(members, got.Of[i].From.ID)
	}
	for _, p := range got.Silent {
		members = append(members, p.ID)
		silent = append(silent, p.Role+" "+p.Name+" ("+p.Version+")")
	}
	return got.Of, append(silent, s.earlier(ctx, members)...)
}

// earlier names gateways that run and know no questions.
func (s *Support) earlier(ctx context.Context, members []string) (names []string) {
	if s.Earlier == nil {
		return nil
	}
	earlier, err := s.Earlier(ctx, members)
	if err != nil {
		return []string{"gateways of earlier versions, if there are any: Redis did not say"}
	}
	for _, member := range earlier {
		names = append(names, "gateway "+member+" (of an earlier version, or just started)")
	}
	return names
}

// record is what the log says of a channel.
type record struct {
	store.Head

	epoch event.Epoch
	stale bool
	kept  bool
}

// record reads a channel's head from the log that it is kept in.
func (n *Notifier) record(ctx context.Context, ch event.Channel) (record, error) {
	if n.isKept(ch) {
		heads, err := n.cfg.Kept.Heads(ctx, []event.Channel{ch}, false)
		if err != nil {
			return record{}, unreadableLog(err)
		}
		return record{Head: heads[0].Head, epoch: heads[0].Epoch, kept: true}, nil
	}
	heads, err := n.cfg.Support.Records.Heads(ctx, []event.Channel{ch}, false)
	if err != nil {
		return record{}, unreadableLog(err)
	}
	return record{Head: heads.Heads[0], epoch: heads.Epoch, stale: heads.Stale}, nil
}

// events reads events of a channel after a seq.
func (n *Notifier) events(ctx context.Context, r *record, after uint64, limit int) ([]event.Event, error) {
	ask := []store.Range{{Channel: r.Channel, After: after, Epoch: r.epoch, Through: r.Seq, Version: r.Version, Limit: limit}}
	read := n.cfg.Support.Records.Ranges
	if r.kept {
		read = n.cfg.Kept.Ranges
	}
	pages, err := read(ctx, ask)
	if err != nil {
		return nil, unreadableLog(err)
	}
	return pages[0].Events, nil
}

func unreadableLog(err error) error {
	if errors.Is(err, store.ErrUnavailable) {
		return server.NewProblem(http.StatusServiceUnavailable, "the log is away").RetryAfter(retryAfter).Because(err)
	}
	return fmt.Errorf("read the log: %w", err)
}

// policyOf is a namespace's policy, as operators see it; nil: there is none.
func (n *Notifier) policyOf(ch event.Channel) *shownPolicy {
	p, ok := n.cfg.access.Load().policies.Lookup(ch.Namespace())
	if !ok {
		return nil
	}
	return &shownPolicy{
		Access: p.Access, Log: p.Log, MaxAge: int64(p.Retention.MaxAge.Seconds()), MaxCount: p.Retention.MaxCount,
		Conflate: p.Conflate, JoinLatest: p.JoinLatest, MaxRate: p.MaxRate,
	}
}

type shownPolicy struct {
	Access     auth.Access  `json:"access" enum:"owner,public,authenticated,member"`
	Log        auth.LogKind `json:"log" enum:"database,redis"`
	MaxAge     int64        `json:"max_age_seconds" doc:"0: there is no limit."`
	MaxCount   int          `json:"max_count" doc:"0: there is no limit."`
	Conflate   bool         `json:"conflate"`
	JoinLatest bool         `json:"join_latest"`
	MaxRate    int          `json:"max_rate" doc:"Events a second to one listener; 0: there is no limit."`
}
