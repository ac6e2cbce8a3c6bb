package gateway

import (
	"context"
	"maps"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/server"
	"github.com/bellhop/bellhop/store"
)

// inboxPath is where the inbox of the token's subject is.
const inboxPath = "/v1/inbox"

// InboxLog is what the gateway asks of the log for inboxes.
type InboxLog interface {
	PreferencesLog
	// ListInbox lists events, newest first. It is never behind what was
	// acknowledged, unless it says Stale: the primary is away.
	ListInbox(ctx context.Context, ask store.InboxQuery) (store.InboxPage, error)
	// Counts counts the unread events. expect says what is known to exist; without
	// an epoch the counts may be out of date.
	Counts(ctx context.Context, expect store.Range) (store.InboxCounts, error)
	// MarkRead makes all events up to a seq read, and none beyond the head of
	// that moment. It and those that follow may be repeated, and fail with
	// store.ErrUnavailable while the primary is away.
	MarkRead(ctx context.Context, channel event.Channel, upTo uint64) (store.InboxState, error)
	// MarkReadSeqs makes single events read.
	MarkReadSeqs(ctx context.Context, channel event.Channel, seqs []uint64) (store.InboxState, error)
	// MarkUnreadSeqs makes single events unread again.
	MarkUnreadSeqs(ctx context.Context, channel event.Channel, seqs []uint64) (store.InboxState, error)
	// MarkSeen makes all events up to a seq seen, read or not.
	MarkSeen(ctx context.Context, channel event.Channel, upTo uint64) (store.InboxState, error)
	// Archive takes events out of the list and the count.
	Archive(ctx context.Context, channel event.Channel, seqs []uint64) (store.InboxState, error)
	// Unarchive puts them back; they are read then.
	Unarchive(ctx context.Context, channel event.Channel, seqs []uint64) (store.InboxState, error)
	// Delete takes an event away; one that is gone, or never was, is fine.
	Delete(ctx context.Context, channel event.Channel, seq uint64) (store.InboxState, error)
}

var _ InboxLog = (*store.DB)(nil)

type inboxInput struct {
	caller
	Limit  int    `query:"limit" default:"50" minimum:"1" maximum:"100" doc:"The most items to return."`
	Before uint64 `query:"before" doc:"List what comes before this seq. Without it, or with 0, the list begins with the newest."`
	Unread bool   `query:"unread" doc:"true lists only unread events."`
	// Type is a list in one parameter: a=x&a=y would be refused.
	Type     []string `query:"type" maxItems:"20" doc:"List only events of these types, separated by commas." example:"comment,reply"`
	Archived bool     `query:"archived" doc:"true lists only what is archived."`
}

type inboxOutput struct {
	Status  int
	ETag    string `header:"ETag" doc:"Changes when the inbox changes; for If-None-Match."` //nolint:tagliatelle // that is its name
	Caching string `header:"Cache-Control"`
	Body    inboxList
}

type inboxList struct {
	Items  []inboxItem `json:"items" doc:"Newest first. Without events that were deleted, have expired, were archived, or were replaced by a newer one with the same collapse key."`
	Next   *uint64     `json:"next" doc:"The value of before for the next page; null on the last page. A page may have fewer items than you asked for, even none, and still have a next page."`
	Unread uint64      `json:"unread" doc:"How many events are unread."`
	Head   uint64      `json:"head" doc:"The newest seq: unread counts events up to here."`
	Cursor string      `json:"cursor" doc:"Opens a stream that goes on right after head."`
	Stale  bool        `json:"stale,omitempty" doc:"The database's primary is away: there may be newer events than these."`
}

// inboxItem is an event as clients see it, with "read" beside its own members.
type inboxItem store.InboxItem

// MarshalJSON implements json.Marshaler.
func (i inboxItem) MarshalJSON() ([]byte, error) {
	b := i.AppendJSON(nil)
	b = append(b[:len(b)-1], `,"read":`...)
	if i.Read {
		return append(b, "true}"...), nil
	}
	return append(b, "false}"...), nil
}

// Schema implements huma.SchemaProvider.
func (inboxItem) Schema(r huma.Registry) *huma.Schema {
	s := listedEvent{}.Schema(r)
	s.Required = append(s.Required, "read")
	s.Properties["read"] = &huma.Schema{Type: huma.TypeBoolean}
	return s
}

type countOutput struct{ Body inboxCount }

type inboxCount struct {
	Unread uint64 `json:"unread" doc:"How many events are unread."`
	Head   uint64 `json:"head" doc:"The newest seq: unread counts events up to here."`
	Stale  bool   `json:"stale,omitempty" doc:"The database's primary is away: the count may be out of date."`
}

type countsOutput struct{ Body inboxCounts }

type inboxCounts struct {
	Unread uint64 `json:"unread" doc:"How many events are unread."`
	Unseen uint64 `json:"unseen" doc:"How many of the unread events were not seen."`
	// ByType is never null.
	ByType map[string]uint64 `json:"by_type" doc:"The unread ones among the newest 20,000 events, by their types."`
	Head   uint64            `json:"head" doc:"The newest seq: the counts include events up to here."`
	Stale  bool              `json:"stale,omitempty" doc:"The database's primary is away: the counts may be out of date."`
}

// registerInbox adds the routes of the inbox, those that read it here.
func (g *Gateway) registerInbox(api huma.API) {
	refusals := []int{
		http.StatusUnauthorized, http.StatusForbidden, http.StatusPreconditionFailed,
		http.StatusTooManyRequests, http.StatusServiceUnavailable,
	}
	huma.Register(api, huma.Operation{
		OperationID: "list-inbox", Method: http.MethodGet, Path: inboxPath, Parameters: g.tokenParam(),
		Summary: "List the own inbox",
		Description: "The list is never behind what was acknowledged to a publisher. All of an answer is of one moment. " +
			"Here and in the other calls of an inbox a cursor in Last-Event-ID says whose is meant: if it does not name the caller's, the answer is 412.",
		Errors: refusals,
	}, g.listInbox)
	huma.Register(api, huma.Operation{
		OperationID: "count-unread", Method: http.MethodGet, Path: inboxPath + "/unread", Parameters: g.tokenParam(),
		Summary: "Count the unread events of the own inbox",
		Errors:  refusals,
	}, g.countUnread)
	g.registerInboxChanges(api, refusals)
	g.registerPreferences(api, refusals)
}

func (g *Gateway) listInbox(ctx context.Context, in *inboxInput) (*inboxOutput, error) {
	inbox, err := g.inboxOf(in.request, false)
	if err != nil {
		return nil, err
	}
	if in.Before > event.MaxSeq {
		return nil, seqTooHigh("query.before")
	}
	for _, t := range in.Type {
		if err := event.ParseType(t); err != nil {
			return nil, server.NewProblem(http.StatusUnprocessableEntity, "", server.FieldError{Location: "query.type", Detail: err.Error()})
		}
	}
	ctx, cancel := context.WithTimeout(ctx, historyTimeout)
	defer cancel()
	out := &inboxOutput{Status: http.StatusOK, Caching: listCaching}
	etag, same := g.unchanged(ctx, in.request, inbox)
	if same {
		out.Status, out.ETag = http.StatusNotModified, etag
		return out, nil
	}
	page, err := g.cfg.Inbox.ListInbox(ctx, store.InboxQuery{Channel: inbox, Before: in.Before, Limit: in.Limit, Unread: in.Unread, Types: in.Type, Archived: in.Archived})
	if err != nil {
		return nil, logProblem(err)
	}
	if !page.Stale {
		out.ETag = etagOf(page.Channel, page.Epoch, page.Version)
	}
	out.Body = newInboxList(&page)
	return out, nil
}

func newInboxList(page *store.InboxPage) inboxList {
	l := inboxList{Items: make([]inboxItem, len(page.Items)), Unread: page.Unread, Head: page.Seq, Stale: page.Stale}
	for i, item := range page.Items {
		l.Items[i] = inboxItem(item)
	}
	if page.Next != 0 {
		l.Next = &page.Next
	}
	l.Cursor = string(event.AppendCursor(nil, 0, event.Position{Epoch: page.Epoch, Seq: page.Seq}, page.Channel))
	return l
}

func (g *Gateway) countUnread(ctx context.Context, in *struct{ caller }) (*countsOutput, error) {
	inbox, err := g.inboxOf(in.request, false)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, historyTimeout)
	defer cancel()
	heads, err := g.cfg.Hub.Heads(ctx, []event.Channel{inbox})
	if err != nil {
		return nil, logProblem(err)
	}
	head := heads.Heads[0]
	out := &countsOutput{Body: inboxCounts{Head: head.Seq, ByType: map[string]uint64{}, Stale: heads.Stale}}
	if head.Unread == 0 {
		return out, nil
	}
	expect := store.Range{Channel: inbox, Through: head.Seq, Version: head.Version}
	if !heads.Stale {
		expect.Epoch = heads.Epoch
	}
	counts, err := g.cfg.Inbox.Counts(ctx, expect)
	if err != nil {
		return nil, logProblem(err)
	}
	out.Body.Unread, out.Body.Unseen, out.Body.Head, out.Body.Stale = counts.Unread, counts.Unseen, counts.Seq, counts.Stale
	maps.Copy(out.Body.ByType, counts.ByType)
	return out, nil
}

// inboxOf is the inbox of whoever sent the request. One that changes something
// must not come from another site's page, which a browser would give the cookie. One
// that says by a cursor which inbox it means must not meet another one: a page does
// not see that another window has signed in as somebody else, and so took the cookie.
func (g *Gateway) inboxOf(r *http.Request, changes bool) (event.Channel, error) {
	if err := g.allow(r); err != nil {
		return "", err
	}
	who, err := g.identify(r)
	if err != nil {
		return "", err
	}
	if who.claims == nil {
		return "", needToken(who, "an inbox needs a token")
	}
	if changes && who.byCookie && !g.origins.SameSite(r) {
		return "", server.NewProblem(http.StatusForbidden, "the request must come from this site")
	}
	inbox := who.claims.Inbox()
	if meant := r.Header.Get("Last-Event-ID"); meant != "" {
		cursor, err := event.ParseCursor(meant)
		if err != nil {
			return "", server.NewProblem(http.StatusPreconditionFailed, "Last-Event-ID does not say which inbox is meant: "+err.Error())
		}
		if _, ok := cursor.Position(inbox); !ok {
			return "", server.NewProblem(http.StatusPreconditionFailed, "Last-Event-ID is of another inbox than that of who is signed in")
		}
	}
	return inbox, g.admit(who, []event.Channel{inbox})
}
