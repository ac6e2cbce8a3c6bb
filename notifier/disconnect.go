package notifier

import (
	"context"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
)

type disconnectInput struct {
	Body struct {
		User string `json:"user" doc:"The subject of the tokens." example:"42"`
	}
}

// disconnect is POST /v1/admin/disconnect.
func (n *Notifier) disconnect(ctx context.Context, in *disconnectInput) (*struct{}, error) {
	auditOn(ctx, in.Body.User)
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
	return new(struct{}), nil
}

type subjectInput struct {
	Subject string `path:"subject" doc:"As tokens name the person." example:"42"`
}

// inbox is the inbox of whom the path names.
func (in *subjectInput) inbox() (event.Channel, error) {
	inbox, err := event.Inbox(in.Subject)
	if err != nil {
		return "", brokenRule("path.subject", err.Error())
	}
	return inbox, nil
}

// liftRevocation is DELETE /v1/admin/users/{subject}/revocation.
func (n *Notifier) liftRevocation(ctx context.Context, in *subjectInput) (*struct{}, error) {
	inbox, err := in.inbox()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, answerWait)
	defer cancel()
	if err := n.cfg.Support.Records.LiftRevocation(ctx, inbox); err != nil {
		return nil, undone(err)
	}
	n.publisher.hint(ctx, fanout.Message{Channel: inbox})
	return new(struct{}), nil
}
