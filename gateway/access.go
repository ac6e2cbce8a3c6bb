package gateway

import (
	"context"
	"time"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/wait"
)

// access is what requests are judged by.
type access struct {
	verifier *auth.Verifier // nil: no token is good
	policies auth.Policies
}

// settleTime is longer than a request that was judged before a change takes to become
// a stream that is known.
const settleTime = time.Second

// SetAccess replaces Config.Verifier and Config.Policies for requests from now on, and
// ends the streams with channels that the new policies may forbid: they are told to
// come back, and are judged then. All others go on, whatever key their token was signed
// with. A namespace must not change its log. It blocks for a second.
func (g *Gateway) SetAccess(ctx context.Context, verifier *auth.Verifier, policies auth.Policies) {
	if verifier != nil {
		verifier.Forget() // what was read anew counts from now on, whatever it is
	}
	before := g.access.Swap(&access{verifier, policies}).policies
	forbidden := func(user string, ch event.Channel) bool {
		was, _ := before.Lookup(ch.Namespace())
		is, known := policies.Lookup(ch.Namespace())
		return !known || is.Access != was.Access && !certain(is.Access, user, ch)
	}
	n := g.cfg.Hub.EndForbidden(forbidden)
	wait.For(ctx, settleTime)
	if n += g.cfg.Hub.EndForbidden(forbidden); n > 0 {
		g.log.Info("streams that the new policies may forbid end", "streams", n)
	}
}

// certain tells whether somebody may open a channel by what is known of them once
// their token is forgotten: who they are.
func certain(a auth.Access, user string, ch event.Channel) bool {
	switch a {
	case auth.AccessPublic:
		return true
	case auth.AccessAuthenticated:
		return user != ""
	case auth.AccessOwner:
		return user == ch.Key()
	case auth.AccessMember: // the token says it
	}
	return false
}
