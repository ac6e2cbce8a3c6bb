package notifier

import (
	"context"
	"time"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fleet"
)

type eventInput struct {
	Channel string `path:"channel" example:"user:42"`
	Seq     uint64 `path:"seq" example:"17"`
	Data    bool   `query:"data" doc:"Show the event with its data, which may be private."`
}

type acceptedBy struct {
	Notifier string `json:"notifier" doc:"The name of the process."`
	fleet.Accepted
}

type handedBy struct {
	Gateway string `json:"gateway"`
	Late    int64  `json:"late_ms" doc:"How long after its time the event came to the gateway, by the clocks of the log and the gateway."`
	fleet.Handed
}

type readBy struct {
	Gateway string `json:"gateway"`
	fleet.Read
}

type remembers struct {
	Process string     `json:"process"`
	Role    string     `json:"role" enum:"gateway,notifier"`
	Since   *time.Time `json:"since" doc:"The process remembers nothing from before; null: it remembers nothing at all."`
}

type shownStory struct {
	Channel  event.Channel `json:"channel"`
	Seq      uint64        `json:"seq"`
	Outcome  outcomeKind   `json:"outcome" enum:"never_accepted,read,handed_over,gone,passed_over,behind,stream_ended,no_stream,unknown" doc:"What happened, in one word."`
	Why      string        `json:"why" doc:"The same in a sentence."`
	Event    *shownEvent   `json:"event" doc:"null: the event does not exist, or does not exist any more."`
	Head     uint64        `json:"head"`
	Floor    uint64        `json:"floor"`
	Epoch    event.Epoch   `json:"epoch"`
	Stale    bool          `json:"stale,omitempty" doc:"The database's primary is away, and there may be more than this."`
	Policy   *shownPolicy  `json:"policy" doc:"null: the namespace has none."`
	Accepted []acceptedBy  `json:"accepted" doc:"Who published it and when, if a notifier remembers it. The same seq may have been given in more than one epoch."`
	Handed   []handedBy    `json:"handed" doc:"How the event came to each gateway, and to how many streams the gateway sent it."`
	Read     *bool         `json:"read" doc:"Whether the person read it; null: it is not in the list of an inbox, so nobody can mark it."`
	Reads    []readBy      `json:"reads" doc:"Calls that marked it as read, as far as gateways remember them."`
	Streams  []heldStream  `json:"streams" doc:"Open streams with the channel, at most 50 of each gateway."`
	Ended    []heldStream  `json:"ended" doc:"Streams of the channel that ended within the last ten minutes and are remembered."`
	Memory   []remembers   `json:"memory" doc:"Since when each process remembers."`
	Left     []departed    `json:"left" doc:"Gateways that stopped within the last ten minutes. What they remembered is lost."`
	Silent   []string      `json:"silent" doc:"Known processes that did not answer in time."`
}

type departed struct {
	Gateway string    `json:"gateway"`
	At      time.Time `json:"at"`
}

// showEvent is GET /v1/admin/channels/{channel}/events/{seq}.
func (n *Notifier) showEvent(ctx context.Context, in *eventInput) (*struct{ Body shownStory }, error) {
	ch, err := parseChannel(in.Channel)
	if err == nil {
		err = seqTooHigh(in.Seq)
	}
	if err != nil {
		return nil, err
	}
	got, silent := asked[fleet.Event](ctx, n.cfg.Support, fleet.AboutEvent, fleet.Question{Channel: ch, Seq: in.Seq})
	r, err := n.record(ctx, ch)
	if err != nil {
		return nil, err
	}
	s := shownStory{
		Channel: ch, Seq: in.Seq, Head: r.Seq, Floor: r.Floor, Epoch: r.epoch, Stale: r.stale, Policy: n.policyOf(ch),
		Accepted: make([]acceptedBy, 0), Handed: make([]handedBy, 0), Reads: make([]readBy, 0), Streams: make([]heldStream, 0),
		Ended: make([]heldStream, 0), Memory: make([]remembers, 0), Left: make([]departed, 0), Silent: silent,
	}
	if in.Seq <= r.Seq && in.Seq > r.Floor {
		if err := n.lookUp(ctx, &s, &r, in.Data); err != nil {
			return nil, err
		}
	}
	for i := range got {
		s.add(&got[i])
	}
	for _, p := range n.cfg.Support.Fleet.Left() {
		if p.Role != fleet.RoleNotifier {
			s.Left = append(s.Left, departed{p.Name, p.At})
		}
	}
	s.Outcome, s.Why = s.judge()
	out := new(struct{ Body shownStory })
	out.Body = s
	return out, nil
}

// lookUp adds what the log has of the event.
func (n *Notifier) lookUp(ctx context.Context, s *shownStory, r *record, data bool) error {
	events, err := n.events(ctx, r, s.Seq-1, 1)
	if err != nil {
		return err
	}
	if len(events) > 0 && events[0].Seq == s.Seq {
		e := showOne(&events[0], data)
		s.Event = &e
	}
	if r.kept || s.Channel.Namespace() != event.InboxNamespace {
		return nil
	}
	page, err := n.cfg.Support.Records.Inbox(ctx, s.Channel, s.Seq+1, 1, false)
	if err != nil {
		return unreadableLog(err)
	}
	if len(page.Items) > 0 && page.Items[0].Seq == s.Seq {
		s.Read = &page.Items[0].Read
	}
	return nil
}

// add adds what a process remembers.
func (s *shownStory) add(a *fleet.Answer[fleet.Event]) {
	e := &a.Body
	for _, v := range e.Accepted {
		s.Accepted = append(s.Accepted, acceptedBy{a.From.Name, v})
	}
	for _, v := range e.Handed {
		h := handedBy{Gateway: a.From.Name, Handed: v}
		if s.Event != nil && v.Epoch == s.Epoch {
			h.Late = v.Came.Sub(s.Event.Time).Milliseconds()
		}
		s.Handed = append(s.Handed, h)
	}
	for _, v := range e.Reads {
		s.Reads = append(s.Reads, readBy{a.From.Name, v})
	}
	s.Streams = append(s.Streams, held(a.From, e.Open)...)
	s.Ended = append(s.Ended, held(a.From, e.Ended)...)
	s.Memory = append(s.Memory, remembers{a.From.Name, a.From.Role, e.Since})
}
