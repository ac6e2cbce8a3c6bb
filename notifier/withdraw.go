package notifier

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/internal/server"
)

type withdrawInput struct {
	Channel     string `path:"channel" example:"user:42"`
	CollapseKey string `query:"collapse_key" required:"true" minLength:"1" maxLength:"128" doc:"The collapse key of the events to remove."`
}

type withdrawOutput struct {
	Body struct {
		Removed int `json:"removed" doc:"How many events were removed."`
	}
}

// withdraw is DELETE /v1/channels/{channel}/events.
func (n *Notifier) withdraw(ctx context.Context, in *withdrawInput) (*withdrawOutput, error) {
	channel, err := parseChannel(in.Channel)
	if err != nil {
		return nil, err
	}
	_, known := n.cfg.access.Load().policies.Lookup(channel.Namespace())
	switch {
	case !serviceOf(ctx).MayPublish(channel.Namespace()):
		return nil, server.NewProblem(http.StatusForbidden, fmt.Sprintf("this key may not publish in the namespace %q", channel.Namespace()))
	case !known:
		return nil, brokenRule("path.channel", fmt.Sprintf("there is no namespace %q", channel.Namespace()))
	case n.isKept(channel):
		return nil, brokenRule("path.channel", fmt.Sprintf("the namespace %q is kept in Redis, which knows no collapse keys: its events can't be withdrawn", channel.Namespace()))
	case !printable(in.CollapseKey):
		return nil, brokenRule("query.collapse_key", fmt.Sprintf("want 1 to %d printable ASCII characters", MaxCollapseKey))
	}
	// Once it has begun it goes on, even if the client leaves.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerWait)
	defer cancel()
	removed, states, err := n.cfg.Log.Withdraw(ctx, channel, in.CollapseKey)
	for _, s := range states { // some may be gone in spite of an error
		n.publisher.hint(ctx, fanout.Message{Channel: channel, Epoch: s.Epoch, Seq: s.Head, Note: s.Note})
	}
	if err != nil {
		return nil, undone(err)
	}
	out := new(withdrawOutput)
	out.Body.Removed = removed
	return out, nil
}

type purgeInput struct {
	Channel string `path:"channel" example:"user:42"`
}

// purge is DELETE /v1/channels/{channel}. A namespace without a policy is no
// obstacle: what is to be erased may be older than the policies. The channel is erased in
// both logs, because its namespace may have moved from one to the other; only inboxes were
// never anywhere but in the database.
func (n *Notifier) purge(ctx context.Context, in *purgeInput) (*struct{}, error) {
	channel, err := parseChannel(in.Channel)
	if err != nil {
		return nil, err
	}
	// Half an erasure helps nobody: it goes on when the client leaves.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerWait)
	defer cancel()
	var kept error
	if n.cfg.Kept != nil && channel.Namespace() != event.InboxNamespace {
		kept = n.cfg.Kept.Purge(ctx, channel)
	}
	err = n.cfg.Log.Purge(ctx, channel)
	if err == nil && !n.isKept(channel) {
		n.announcePurge(ctx, channel)
	}
	if err := errors.Join(err, kept); err != nil {
		return nil, undone(err)
	}
	return new(struct{}), nil
}

// announcePurge has gateways forget what they hold of the channel now, rather
// than when they read of it in the log's tail.
func (n *Notifier) announcePurge(ctx context.Context, channel event.Channel) {
	heads, err := n.cfg.Log.Heads(ctx, []event.Channel{channel}, false)
	if err != nil {
		n.cfg.Logger.WarnContext(ctx, "purge is not announced; gateways hear of it from the log", "channel", channel, "error", err)
		return
	}
	n.publisher.hint(ctx, fanout.Message{Channel: channel, Epoch: heads.Epoch, Seq: heads.Heads[0].Seq})
}
