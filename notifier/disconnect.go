package notifier

import (
	"context"
	"net/http"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/internal/server"
)

type disconnectInput struct {
	Body struct {
		User string `json:"user" doc:"The subject of the tokens." example:"42"`
	}
}

// disconnect is POST /v1/admin/disconnect.
func (n *Notifier) disconnect(ctx context.Context, in *disconnectInput) (*struct{}, error) {
	if !serviceOf(ctx).Admin {
		return nil, server.NewProblem(http.StatusForbidden, "this key has not the admin right")
	}
	inbox, err := event.Inbox(in.Body.User)
	if err != nil {
		return nil, brokenRule("body.user", err.Error())
	}
	// Once it has begun it is done, even if the client leaves: somebody is to
	// be locked out.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerWait)
	defer cancel()
	if err := n.cfg.Log.Revoke(ctx, inbox); err != nil {
		return nil, undone(err)
	}
	n.publisher.hint(ctx, fanout.Message{Channel: inbox})
	n.cfg.Logger.InfoContext(ctx, "tokens revoked", "user", in.Body.User, "service", serviceOf(ctx).Name)
	return new(struct{}), nil
}
