package notifier

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fleet"
	"github.com/bellhop/bellhop/internal/server"
)

// newestEvents is how many events of a channel are shown.
const newestEvents = 20

type shownProcess struct {
	fleet.Process

	Uptime int64      `json:"uptime_seconds"`
	Load   fleet.Load `json:"load"`
}

type shownFleet struct {
	Processes []shownProcess `json:"processes"`
	Silent    []string       `json:"silent" doc:"Known processes that did not answer in time."`
}

// showFleet is GET /v1/admin/fleet.
func (n *Notifier) showFleet(ctx context.Context, _ *struct{}) (*struct{ Body shownFleet }, error) {
	return &struct{ Body shownFleet }{n.lookAtFleet(ctx)}, nil
}

func (n *Notifier) lookAtFleet(ctx context.Context) shownFleet {
	got, silent := asked[fleet.Load](ctx, n.cfg.Support, fleet.AboutLoad, fleet.Question{})
	shown := shownFleet{Processes: make([]shownProcess, len(got)), Silent: silent}
	for i, a := range got {
		shown.Processes[i] = shownProcess{a.From, int64(a.From.Uptime().Seconds()), a.Body}
	}
	return shown
}

// heldStream is a stream, and where it is held.
type heldStream struct {
	Gateway string `json:"gateway" doc:"The name of the process."`
	fleet.Stream
}

type revocation struct {
	At    time.Time `json:"at"`
	Until time.Time `json:"until" doc:"Tokens that were issued after this time are good. It includes the leeway, because an issuer's clock may be ahead."`
}

type shownUser struct {
	Subject    string        `json:"subject"`
	Channel    event.Channel `json:"channel" doc:"The inbox."`
	Streams    []heldStream  `json:"streams" doc:"Open now, at most 50 of each gateway."`
	Ended      []heldStream  `json:"ended" doc:"Streams that ended within the last ten minutes, as far as gateways remember them; the newest of each gateway first."`
	Most       int           `json:"max_streams" doc:"How many streams the person may have; 0: there is no limit."`
	Unread     uint64        `json:"unread"`
	Head       uint64        `json:"head"`
	ReadUpTo   uint64        `json:"read_up_to" doc:"Everything up to this seq was read, except what was marked as unread again."`
	Muted      []string      `json:"muted" doc:"Types whose events are not put into the inbox, except critical ones. Their publishers are told that they are muted."`
	Epoch      event.Epoch   `json:"epoch"`
	Stale      bool          `json:"stale,omitempty" doc:"The database's primary is away, and there may be more than this."`
	Revocation *revocation   `json:"revocation" doc:"null: no token of the person is refused."`
	Silent     []string      `json:"silent" doc:"Known processes that did not answer in time. Their streams are not shown."`
}

// showUser is GET /v1/admin/users/{subject}.
func (n *Notifier) showUser(ctx context.Context, in *subjectInput) (*struct{ Body shownUser }, error) {
	inbox, err := in.inbox()
	if err != nil {
		return nil, err
	}
	s := n.cfg.Support
	got, silent := asked[fleet.Person](ctx, s, fleet.AboutPerson, fleet.Question{Person: inbox.Key()})
	page, err := s.Records.Inbox(ctx, inbox, 0, 1, false)
	if err != nil {
		return nil, unreadableLog(err)
	}
	revoked, err := s.Records.Revoked(ctx, inbox)
	if err != nil {
		return nil, unreadableLog(err)
	}
	muted, err := s.Records.Muted(ctx, inbox)
	if err != nil {
		return nil, unreadableLog(err)
	}
	out := new(struct{ Body shownUser })
	out.Body = shownUser{
		Subject: in.Subject, Channel: inbox, Unread: page.Unread, Head: page.Seq, ReadUpTo: page.ReadUpTo, Muted: muted.Types(),
		Epoch: page.Epoch, Stale: page.Stale, Silent: silent,
		Streams: make([]heldStream, 0), Ended: make([]heldStream, 0),
	}
	if !revoked.IsZero() {
		out.Body.Revocation = &revocation{At: revoked, Until: revoked.Add(auth.DefaultLeeway)}
	}
	for _, a := range got {
		out.Body.Streams = append(out.Body.Streams, held(a.From, a.Body.Open)...)
		out.Body.Ended = append(out.Body.Ended, held(a.From, a.Body.Ended)...)
		out.Body.Most = max(out.Body.Most, a.Body.Most)
	}
	return out, nil
}

// held says where streams are held.
func held(by fleet.Process, streams []fleet.Stream) []heldStream {
	all := make([]heldStream, len(streams))
	for i, s := range streams {
		all[i] = heldStream{by.Name, s}
	}
	return all
}

type shownEvent struct {
	Seq  uint64          `json:"seq"`
	Type string          `json:"type"`
	Time time.Time       `json:"time"`
	Data json.RawMessage `json:"data,omitempty" doc:"Only with data=true."`
}

func showOne(e *event.Event, data bool) shownEvent {
	s := shownEvent{Seq: e.Seq, Type: e.Type, Time: e.Time}
	if data {
		s.Data = e.Data
	}
	return s
}

type heldChannel struct {
	Gateway string `json:"gateway"`
	fleet.Channel
}

type shownChannel struct {
	Channel event.Channel `json:"channel"`
	Policy  *shownPolicy  `json:"policy" doc:"null: the namespace has none."`
	Head    uint64        `json:"head"`
	Floor   uint64        `json:"floor" doc:"Retention has removed the events up to this seq."`
	Epoch   event.Epoch   `json:"epoch"`
	Stale   bool          `json:"stale,omitempty" doc:"The database's primary is away, and there may be more than this."`
	Held    []heldChannel `json:"held" doc:"The gateways at which somebody listens, and how far each one is."`
	Events  []shownEvent  `json:"events" doc:"The newest, at most 20, oldest first."`
	Silent  []string      `json:"silent" doc:"Known processes that did not answer in time."`
}

type channelInput struct {
	Channel string `path:"channel" example:"raffle:1"`
	Data    bool   `query:"data" doc:"Show events with their data, which may be private."`
}

func parseChannel(name string) (event.Channel, error) {
	ch, err := event.ParseChannel(name)
	if err != nil {
		return "", brokenRule("path.channel", err.Error())
	}
	return ch, nil
}

// showChannel is GET /v1/admin/channels/{channel}.
func (n *Notifier) showChannel(ctx context.Context, in *channelInput) (*struct{ Body shownChannel }, error) {
	ch, err := parseChannel(in.Channel)
	if err != nil {
		return nil, err
	}
	got, silent := asked[*fleet.Channel](ctx, n.cfg.Support, fleet.AboutChannel, fleet.Question{Channel: ch})
	r, err := n.record(ctx, ch)
	if err != nil {
		return nil, err
	}
	events, err := n.events(ctx, &r, max(r.Floor, r.Seq-min(r.Seq, newestEvents)), newestEvents)
	if err != nil {
		return nil, err
	}
	out := new(struct{ Body shownChannel })
	out.Body = shownChannel{
		Channel: ch, Policy: n.policyOf(ch), Head: r.Seq, Floor: r.Floor, Epoch: r.epoch, Stale: r.stale,
		Held: make([]heldChannel, 0), Events: make([]shownEvent, len(events)), Silent: silent,
	}
	for _, a := range got {
		if a.Body != nil {
			out.Body.Held = append(out.Body.Held, heldChannel{a.From.Name, *a.Body})
		}
	}
	for i := range events {
		out.Body.Events[i] = showOne(&events[i], in.Data)
	}
	return out, nil
}

func seqTooHigh(seq uint64) error {
	if seq == 0 || seq > event.MaxSeq {
		return server.NewProblem(http.StatusUnprocessableEntity, "", server.FieldError{Location: "path.seq", Detail: "want 1 to 9223372036854775807"})
	}
	return nil
}
