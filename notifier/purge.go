package notifier

import (
	"context"
	"errors"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
)

type purgeInput struct {
	Channel string `path:"channel" example:"user:42"`
}

// purge is DELETE /v1/channels/{channel}. A namespace without a policy is no
// obstacle: what is to be erased may be older than the policies.
func (n *Notifier) purge(ctx context.Context, in *purgeInput) (*struct{}, error) {
	channel, err := parseChannel(in.Channel)
	if err != nil {
		return nil, err
	}
	// Half an erasure helps nobody: it goes on when the client leaves.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerWait)
	defer cancel()
	if err := n.erase(ctx, channel); err != nil {
		return nil, undone(err)
	}
	return new(struct{}), nil
}

// erase purges a channel in both logs, and tells the gateways: its namespace may
// have moved from one to the other, or have no policy any more. Only inboxes were
// never anywhere but in the database.
func (n *Notifier) erase(ctx context.Context, channel event.Channel) error {
	var kept error
	if n.cfg.Kept != nil && channel.Namespace() != event.InboxNamespace {
		kept = n.cfg.Kept.Purge(ctx, channel)
	}
	err := n.cfg.Log.Purge(ctx, channel)
	if err == nil && !n.isKept(channel) {
		n.announcePurge(ctx, channel)
	}
	return errors.Join(err, kept)
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
