package gateway

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/server"
	"github.com/bellhop/bellhop/store"
)

// historyTimeout bounds what one list may ask of the log.
const historyTimeout = 5 * time.Second

type historyInput struct {
	caller
	Channel string `path:"channel" doc:"The channel, such as room:7; a slash in it is written %2F."`
	After   uint64 `query:"after" default:"0" doc:"List what comes after this seq."`
	Limit   int    `query:"limit" default:"100" minimum:"1" maximum:"1000" doc:"The most events to return."`
}

type historyOutput struct {
	Status    int
	ETag      string `header:"ETag" doc:"Changes when the channel changes; for If-None-Match."` //nolint:tagliatelle // that is its name
	Caching   string `header:"Cache-Control"`
	SetCookie string `header:"Set-Cookie" doc:"Clears a session cookie that is not valid."`
	Body      history
}

type history struct {
	Events []listedEvent `json:"events" doc:"Oldest first. Deleted and expired events are left out."`
	Next   *uint64       `json:"next" doc:"The value of after for the next page; null at the end."`
	Cursor string        `json:"cursor" doc:"Opens a stream that goes on right after this page."`
	Stale  bool          `json:"stale,omitempty" doc:"The database's primary is away: there may be newer events than these."`
}

// listedEvent is an event as clients see it; its JSON is made where frames are.
type listedEvent struct{ event.Event }

// Schema implements huma.SchemaProvider.
func (listedEvent) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{
		Type:     huma.TypeObject,
		Required: []string{"channel", "seq", "type", "time", "data"},
		Properties: map[string]*huma.Schema{
			"channel": {Type: huma.TypeString, Examples: []any{"room:7"}},
			"seq":     {Type: huma.TypeInteger, Format: "int64", Examples: []any{17}},
			"type":    {Type: huma.TypeString, Examples: []any{"comment"}},
			"time":    {Type: huma.TypeString, Format: "date-time"},
			"data":    {Description: "What the publisher sent, any JSON value."},
		},
	}
}

func (g *Gateway) registerHistory(api huma.API) {
	huma.Register(api, huma.Operation{
		OperationID: "list-events", Method: http.MethodGet, Path: "/v1/channels/{channel}/events", Parameters: g.tokenParam(),
		Summary:     "List the retained events of a channel",
		Description: "The list is never behind what was acknowledged to a publisher.",
		Errors:      []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests, http.StatusServiceUnavailable},
	}, g.listEvents)
}

func (g *Gateway) listEvents(ctx context.Context, in *historyInput) (*historyOutput, error) {
	if err := g.allow(in.request); err != nil {
		return nil, err
	}
	ch, err := event.ParseChannel(in.Channel)
	if err != nil {
		return nil, server.NewProblem(http.StatusUnprocessableEntity, "", server.FieldError{Location: "path.channel", Detail: err.Error()})
	}
	if in.After > event.MaxSeq {
		return nil, seqTooHigh("query.after")
	}
	who, err := g.identify(in.request)
	if err != nil {
		return nil, err
	}
	if err := g.admit(who, []event.Channel{ch}); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, historyTimeout)
	defer cancel()
	out := &historyOutput{Status: http.StatusOK, Caching: listCaching}
	if who.badCookie != nil {
		out.SetCookie = g.clearedCookie(in.request)
	}
	etag, same := g.unchanged(ctx, in.request, ch)
	if !same {
		if out.Body, etag, err = g.readHistory(ctx, ch, in.After, in.Limit); err != nil {
			return nil, logProblem(err)
		}
	}
	out.ETag = etag
	if server.Unchanged(in.request, etag) {
		out.Status = http.StatusNotModified
	}
	return out, nil
}

// readHistory asks the primary how far the channel is, and then whoever has got
// that far for the events: a replica that lags is passed over. A channel that is kept
// apart has no replicas: one question answers all.
func (g *Gateway) readHistory(ctx context.Context, ch event.Channel, after uint64, limit int) (_ history, etag string, err error) {
	log, ask, stale := g.cfg.Kept, store.Range{Channel: ch, After: after, Limit: limit}, false
	if !g.isKept(ch) {
		heads, err := g.cfg.Hub.Heads(ctx, []event.Channel{ch})
		if err != nil {
			return history{}, "", err
		}
		if log, stale = g.cfg.Log, heads.Stale; !stale {
			head := heads.Heads[0]
			ask.Epoch, ask.Through, ask.Version = heads.Epoch, head.Seq, head.Version
		}
	}
	pages, err := log.Ranges(ctx, []store.Range{ask})
	if err != nil {
		return history{}, "", err
	}
	h, etag := newHistory(&pages[0], stale)
	return h, etag, nil
}

// isKept tells whether a channel is kept apart from the database.
func (g *Gateway) isKept(ch event.Channel) bool {
	policy, _ := g.access.Load().policies.Lookup(ch.Namespace())
	return g.cfg.Kept != nil && policy.Log == auth.LogRedis
}

// newHistory is a page with its ETag, which one that may be behind has not.
func newHistory(page *store.Page, stale bool) (h history, etag string) {
	h = history{Events: make([]listedEvent, len(page.Events)), Stale: stale || page.Stale}
	for i, e := range page.Events {
		h.Events[i] = listedEvent{e}
	}
	if page.Last < page.Seq {
		h.Next = &page.Last
	}
	// Never ahead of the head, as a page can be that was asked for from beyond
	// it: such a cursor would be answered with a reset.
	at := event.Position{Epoch: page.Epoch, Seq: min(page.Last, page.Seq)}
	h.Cursor = string(event.AppendCursor(nil, 0, at, page.Channel))
	if !h.Stale {
		etag = etagOf(page.Channel, page.Epoch, page.Version)
	}
	return h, etag
}

// logProblem tells the client of a log that could not be read.
func logProblem(err error) error {
	if errors.Is(err, store.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) {
		return unavailable("the log can't be read at the moment").Because(err)
	}
	return err
}

// A list may be kept by its reader alone, who has to ask whether it is still good.
const listCaching = "private, no-cache"

// etagOf names what a channel holds: its version changes with every change. It names
// the channel too, since an inbox has the same address for everybody.
func etagOf(ch event.Channel, epoch event.Epoch, version uint64) string {
	return server.ETag(fmt.Appendf(nil, "%s %s %d", ch, epoch, version))
}

// unchanged tells whether whoever asks has a channel's list as it is, without reading
// it, and returns the list's ETag if so.
func (g *Gateway) unchanged(ctx context.Context, r *http.Request, ch event.Channel) (etag string, same bool) {
	if r.Header.Get("If-None-Match") == "" || g.isKept(ch) {
		return "", false
	}
	heads, err := g.cfg.Hub.Heads(ctx, []event.Channel{ch})
	if err != nil || heads.Stale {
		return "", false // reading the list tells what is wrong
	}
	etag = etagOf(ch, heads.Epoch, heads.Heads[0].Version)
	return etag, server.Unchanged(r, etag)
}
