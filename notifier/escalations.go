package notifier

import (
	"context"
	"net/http"
	"time"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/internal/server"
	"github.com/bellhop/bellhop/store"
)

// escalations are those that the policies ask for, of events of a type.
func escalations(policies auth.Policies, kind string) []store.Escalation {
	var all []store.Escalation
	for _, e := range policies.Escalations(kind) {
		one := store.Escalation{Target: e.To, After: e.After, Digest: e.Digest}
		if e.UnlessRead {
			one.Unless |= store.UnlessRead
		}
		if e.UnlessSeen {
			one.Unless |= store.UnlessSeen
		}
		if e.UnlessOnline {
			one.Unless |= store.UnlessOnline
		}
		all = append(all, one)
	}
	return all
}

type shownTarget struct {
	Target  string  `json:"target" doc:"The name of a webhook in the policy file."`
	Waiting int     `json:"waiting" doc:"Calls that will be tried, now or later."`
	Parked  int     `json:"parked" doc:"Calls that failed for a day and are not tried any more."`
	Late    float64 `json:"late_seconds" doc:"Age of the oldest call that waits."`
}

type shownCall struct {
	ID      string    `json:"id" doc:"The webhook-id."`
	Target  string    `json:"target"`
	Channel string    `json:"channel" example:"user:42"`
	Made    time.Time `json:"made"`
	Tries   int       `json:"tries"`
	Error   string    `json:"error" doc:"Why the last try failed."`
}

type escalationsOutput struct {
	Body struct {
		Targets []shownTarget `json:"targets"`
		Parked  []shownCall   `json:"parked" doc:"The oldest hundred parked calls."`
	}
}

// showEscalations is GET /v1/admin/escalations.
func (n *Notifier) showEscalations(ctx context.Context, _ *struct{}) (*escalationsOutput, error) {
	to, err := n.cfg.Support.Records.CallsTo(ctx)
	if err != nil {
		return nil, unreadableLog(err)
	}
	parked, err := n.cfg.Support.Records.ParkedCalls(ctx)
	if err != nil {
		return nil, unreadableLog(err)
	}
	out := &escalationsOutput{}
	out.Body.Targets, out.Body.Parked = make([]shownTarget, len(to)), make([]shownCall, len(parked))
	for i, t := range to {
		out.Body.Targets[i] = shownTarget{Target: t.Target, Waiting: t.Waiting, Parked: t.Parked, Late: t.Late.Seconds()}
	}
	for i, c := range parked {
		out.Body.Parked[i] = shownCall{
			ID: "msg_" + c.ID.String(), Target: c.Target, Channel: string(c.Channel), Made: c.Made, Tries: c.Tries, Error: c.Error,
		}
	}
	return out, nil
}

type releaseInput struct {
	Target string `path:"target" doc:"The name of a webhook."`
}

type releaseOutput struct {
	Body struct {
		Released int64 `json:"released"`
	}
}

// releaseEscalations is POST /v1/admin/escalations/{target}/retry.
func (n *Notifier) releaseEscalations(ctx context.Context, in *releaseInput) (*releaseOutput, error) {
	released, err := n.cfg.Support.Records.ReleaseCalls(ctx, in.Target)
	if err != nil {
		return nil, server.NewProblem(http.StatusServiceUnavailable, "the log is away").RetryAfter(retryAfter).Because(err)
	}
	out := &releaseOutput{}
	out.Body.Released = released
	return out, nil
}
