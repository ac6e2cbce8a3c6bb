package gateway

import (
	"context"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/server"
	"github.com/bellhop/bellhop/store"
)

// PreferencesLog is the part of InboxLog that is about what an inbox is to hold.
type PreferencesLog interface {
	// Mute says which types of events are not appended from now on.
	Mute(ctx context.Context, channel event.Channel, muted event.Muted) (store.InboxState, error)
	// Muted says which those are; while the primary is away it may be out of date.
	Muted(ctx context.Context, channel event.Channel) (event.Muted, error)
}

// preferences are what a person wants of their inbox.
type preferences struct {
	Muted []string `json:"muted" maxItems:"50" nullable:"false" doc:"Types whose events are not put into the inbox, but for critical ones; each once, and at most 1,000 characters with a comma around each."`
}

type preferencesInput struct {
	caller
	Body preferences
}

type preferencesOutput struct{ Body preferences }

func (g *Gateway) registerPreferences(api huma.API, refusals []int) {
	huma.Register(api, huma.Operation{
		OperationID: "get-preferences", Method: http.MethodGet, Path: inboxPath + "/preferences", Parameters: g.tokenParam(),
		Summary: "Get what the own inbox is to hold",
		Errors:  refusals,
	}, g.getPreferences)
	huma.Register(api, huma.Operation{
		OperationID: "set-preferences", Method: http.MethodPut, Path: inboxPath + "/preferences", Parameters: g.tokenParam(),
		Summary: "Set what the own inbox is to hold",
		Description: "Applies to events that come afterwards; what is there stays. Repeating it is harmless. " +
			"Streams that carry the inbox say bellhop.read with what is muted now.",
		Errors: append(slices.Clone(refusals), http.StatusRequestEntityTooLarge), MaxBodyBytes: maxSeqsBody,
	}, g.setPreferences)
}

func (g *Gateway) getPreferences(ctx context.Context, in *struct{ caller }) (*preferencesOutput, error) {
	inbox, err := g.inboxOf(in.request, false)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, historyTimeout)
	defer cancel()
	muted, err := g.cfg.Inbox.Muted(ctx, inbox)
	if err != nil {
		return nil, logProblem(err)
	}
	return &preferencesOutput{Body: preferences{Muted: muted.Types()}}, nil
}

func (g *Gateway) setPreferences(ctx context.Context, in *preferencesInput) (*preferencesOutput, error) {
	muted, err := event.NewMuted(in.Body.Muted)
	if err != nil {
		return nil, server.NewProblem(http.StatusUnprocessableEntity, "", server.FieldError{Location: "body.muted", Detail: err.Error()})
	}
	_, err = g.changeInbox(ctx, in.request, func(ctx context.Context, inbox event.Channel) (store.InboxState, error) {
		return g.cfg.Inbox.Mute(ctx, inbox, muted)
	})
	if err != nil {
		return nil, err
	}
	return &preferencesOutput{Body: preferences{Muted: muted.Types()}}, nil
}
