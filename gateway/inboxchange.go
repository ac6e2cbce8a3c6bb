package gateway

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/internal/server"
	"github.com/bellhop/bellhop/store"
)

const (
	// inboxChangeTimeout bounds a change of an inbox, with its repetitions.
	inboxChangeTimeout = 10 * time.Second
	// maxSeqsBody bounds a body that names a thousand seqs.
	maxSeqsBody = 32 << 10
)

type readInput struct {
	caller
	Body struct {
		UpTo *uint64   `json:"up_to,omitempty" maximum:"9223372036854775807" doc:"All events up to this seq. Events that arrive later stay unread. A seq beyond the newest means all events."`
		Seqs *[]uint64 `json:"seqs,omitempty" maxItems:"1000" doc:"Single events. Events that are gone are ignored."`
	}
}

// Resolve implements huma.Resolver.
func (in *readInput) Resolve(ctx huma.Context) []error {
	if (in.Body.UpTo == nil) == (in.Body.Seqs == nil) {
		return append(in.caller.Resolve(ctx), &huma.ErrorDetail{Location: "body", Message: "want exactly one of up_to and seqs"})
	}
	return in.caller.Resolve(ctx)
}

type seqsInput struct {
	caller
	Body struct {
		Seqs []uint64 `json:"seqs" maxItems:"1000" doc:"Events that are gone are ignored."`
	}
}

type seenInput struct {
	caller
	Body struct {
		UpTo uint64 `json:"up_to" maximum:"9223372036854775807" doc:"All events up to this seq. A seq beyond the newest means all events."`
	}
}

type deleteInput struct {
	caller
	Seq uint64 `path:"seq" doc:"The event's seq."`
}

func (g *Gateway) registerInboxChanges(api huma.API, refusals []int) {
	change := func(id, path, summary, description string) huma.Operation {
		return huma.Operation{
			OperationID: id, Method: http.MethodPost, Path: inboxPath + path, Parameters: g.tokenParam(),
			Summary: summary, Description: description + " You may repeat the call. Streams with the inbox get bellhop.read.",
			Errors: append(slices.Clone(refusals), http.StatusRequestEntityTooLarge), MaxBodyBytes: maxSeqsBody,
		}
	}
	huma.Register(api, change("mark-read", "/read", "Mark events of the own inbox as read", "Takes either up_to or seqs."), g.markRead)
	huma.Register(api, change("mark-unread", "/unread", "Mark events of the own inbox as unread", "They count again."),
		g.changeSeqs(g.cfg.Inbox.MarkUnreadSeqs))
	huma.Register(api, change("mark-seen", "/seen", "Mark events of the own inbox as seen", "What is read stays as it is."), g.markSeen)
	huma.Register(api, change("archive-events", "/archive", "Archive events of the own inbox",
		"They leave the list and the count, and are read; archived=true lists them."), g.changeSeqs(g.cfg.Inbox.Archive))
	huma.Register(api, change("unarchive-events", "/unarchive", "Take events of the own inbox out of the archive",
		"They are in the list again, read."), g.changeSeqs(g.cfg.Inbox.Unarchive))
	huma.Register(api, huma.Operation{
		OperationID: "delete-event", Method: http.MethodDelete, Path: inboxPath + "/{seq}", Parameters: g.tokenParam(),
		Summary:       "Delete an event from the own inbox",
		Description:   "The event is erased, also from replays. The answer is the same if there is no such event.",
		DefaultStatus: http.StatusNoContent,
		Errors:        refusals,
	}, g.deleteEvent)
}

func (g *Gateway) markRead(ctx context.Context, in *readInput) (*countOutput, error) {
	return g.changeInbox(ctx, in.request, func(ctx context.Context, inbox event.Channel) (state store.InboxState, err error) {
		var upTo uint64
		var seqs []uint64
		if in.Body.UpTo != nil {
			state, err = g.cfg.Inbox.MarkRead(ctx, inbox, *in.Body.UpTo)
			upTo = min(*in.Body.UpTo, state.Head)
		} else {
			seqs = *in.Body.Seqs
			state, err = g.cfg.Inbox.MarkReadSeqs(ctx, inbox, seqs)
		}
		if err == nil {
			g.reads.note(inbox, upTo, seqs, g.address(in.request))
		}
		return state, err
	})
}

// changeSeqs makes a handler of a change of single events.
func (g *Gateway) changeSeqs(
	change func(context.Context, event.Channel, []uint64) (store.InboxState, error),
) func(context.Context, *seqsInput) (*countOutput, error) {
	return func(ctx context.Context, in *seqsInput) (*countOutput, error) {
		return g.changeInbox(ctx, in.request, func(ctx context.Context, inbox event.Channel) (store.InboxState, error) {
			return change(ctx, inbox, in.Body.Seqs)
		})
	}
}

func (g *Gateway) markSeen(ctx context.Context, in *seenInput) (*countOutput, error) {
	return g.changeInbox(ctx, in.request, func(ctx context.Context, inbox event.Channel) (store.InboxState, error) {
		return g.cfg.Inbox.MarkSeen(ctx, inbox, in.Body.UpTo)
	})
}

func (g *Gateway) deleteEvent(ctx context.Context, in *deleteInput) (*struct{}, error) {
	_, err := g.changeInbox(ctx, in.request, func(ctx context.Context, inbox event.Channel) (store.InboxState, error) {
		return g.cfg.Inbox.Delete(ctx, inbox, in.Seq)
	})
	return nil, err
}

// changeInbox makes a change of the inbox of whoever asks, and announces it.
func (g *Gateway) changeInbox(
	ctx context.Context, r *http.Request, change func(context.Context, event.Channel) (store.InboxState, error),
) (*countOutput, error) {
	inbox, err := g.inboxOf(r, true)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, inboxChangeTimeout)
	defer cancel()
	state, err := change(ctx, inbox)
	if err != nil {
		return nil, logProblem(err)
	}
	if state.Note != nil && g.announcer != nil {
		g.announcer.announce(fanout.Message{Channel: inbox, Epoch: state.Epoch, Seq: state.Head, Note: state.Note})
	}
	return &countOutput{Body: inboxCount{Unread: state.Unread, Head: state.Head}}, nil
}

// seqTooHigh refuses a number that no seq can be.
func seqTooHigh(location string) *server.Problem {
	return server.NewProblem(http.StatusUnprocessableEntity, "",
		server.FieldError{Location: location, Detail: fmt.Sprintf("a seq is at most %d", uint64(event.MaxSeq))})
}
