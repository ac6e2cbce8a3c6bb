package notifier

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/internal/server"
)

const adminRight = "Needs a key with the admin right. "

// registerAdmin adds the operations that need the admin right.
func (n *Notifier) registerAdmin(api huma.API, security []map[string][]string) {
	admin := func(id, method, path, summary, description string, errors ...int) huma.Operation {
		return huma.Operation{
			OperationID: id, Method: method, Path: path, Tags: []string{"operate"}, Security: security,
			Summary: summary, Description: adminRight + description,
			Errors: append([]int{401, 403, 422, 503}, errors...), Middlewares: huma.Middlewares{n.administer},
		}
	}
	purge := admin("purge-channel", http.MethodDelete, "/v1/channels/{channel}", "Erase a channel's events for good",
		"Seqs go on where they were. A slash in the channel's name is written %2F.")
	purge.DefaultStatus = http.StatusNoContent
	huma.Register(api, purge, n.purge)
	disconnect := admin("disconnect-user", http.MethodPost, "/v1/admin/disconnect", "End a person's streams and refuse their tokens",
		"Within three seconds all streams of that person end, on all gateways, and tokens are refused "+
			"that were issued up to now, and for the leeway (a minute) more since an issuer's clock may be ahead, or do not say when. Newer ones are good.", 400, 413, 415)
	disconnect.DefaultStatus, disconnect.MaxBodyBytes = http.StatusNoContent, maxDisconnectBody
	disconnect.Middlewares = append(disconnect.Middlewares, plainJSON)
	huma.Register(api, disconnect, n.disconnect)
	if n.cfg.Support == nil {
		return
	}
	lift := admin("lift-revocation", http.MethodDelete, "/v1/admin/users/{subject}/revocation", "Let a person in again",
		"Tokens that were refused since the person was disconnected are good again, within three seconds.")
	lift.DefaultStatus = http.StatusNoContent
	huma.Register(api, lift, n.liftRevocation)
	const who = "All processes are asked; who does not answer within half a second is named in silent."
	huma.Register(api, admin("show-fleet", http.MethodGet, "/v1/admin/fleet", "Show all processes", who), n.showFleet)
	live := admin("watch-fleet", http.MethodGet, "/v1/admin/fleet/live", "Watch all processes",
		"A stream of Server-Sent Events: each second one of type fleet, on the channel fleet:live, whose data is what GET /v1/admin/fleet answers. "+
			"The audit line comes at its end.")
	live.Responses = map[string]*huma.Response{"200": {Description: "The stream.", Content: map[string]*huma.MediaType{"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}}}}}
	huma.Register(api, live, n.watchFleet)
	huma.Register(api, admin("show-user", http.MethodGet, "/v1/admin/users/{subject}", "Show a person's streams and inbox",
		"The subject is as tokens name it, percent-encoded. "+who), n.showUser)
	huma.Register(api, admin("show-channel", http.MethodGet, "/v1/admin/channels/{channel}", "Show a channel, its listeners and newest events",
		"A slash in the channel's name is written %2F. "+who), n.showChannel)
	huma.Register(api, admin("show-event", http.MethodGet, "/v1/admin/channels/{channel}/events/{seq}", "Show what became of an event",
		"Processes remember what they did for ten minutes, and for so many events as they are told (--remember). "+who), n.showEvent)
	huma.Register(api, admin("show-escalations", http.MethodGet, "/v1/admin/escalations", "Show the calls that tell the product of unread events",
		"How many wait and how many were given up, by webhook, and why."), n.showEscalations)
	huma.Register(api, admin("retry-escalations", http.MethodPost, "/v1/admin/escalations/{target}/retry", "Try calls again that were given up",
		"All of them to one webhook, for another day."), n.releaseEscalations)
}

type auditKey struct{}

// auditOn says whom or what an admin call is about, where its path does not.
func auditOn(ctx context.Context, what string) {
	if about, ok := ctx.Value(auditKey{}).(*string); ok {
		*about = what
	}
}

// administer lets requests pass with a key that has the admin right, and writes one line
// for each request: who wanted what, from where, and what came of it.
func (n *Notifier) administer(ctx huma.Context, next func(huma.Context)) {
	service, known := n.service(ctx)
	about := about(ctx)
	switch {
	case !known:
		refuse(ctx, keyNeeded())
	case !service.Admin:
		refuse(ctx, server.NewProblem(http.StatusForbidden, "this key has not the admin right"))
	default:
		next(huma.WithValue(huma.WithValue(ctx, serviceKey{}, service), auditKey{}, &about))
	}
	n.audit(ctx, service.Name, known, about)
}

// about is whom or what the path names.
func about(ctx huma.Context) string {
	named := []string{ctx.Param("subject"), ctx.Param("channel"), ctx.Param("seq"), ctx.Param("target")}
	return strings.Join(slices.DeleteFunc(named, func(v string) bool { return v == "" }), " ")
}

type operatorKey struct{}

// AsOperator makes the context of a request that needs no key: it comes from an operator,
// as whoever calls this knows.
func AsOperator(ctx context.Context) context.Context {
	return context.WithValue(ctx, operatorKey{}, auth.Operator())
}

// service is whose key a request has.
func (n *Notifier) service(ctx huma.Context) (service auth.Service, known bool) {
	if operator, ok := ctx.Context().Value(operatorKey{}).(auth.Service); ok {
		return operator, true
	}
	secret, given := server.Bearer(humaecho.Unwrap(ctx).Request().Header)
	if !given {
		return service, false
	}
	return n.cfg.access.Load().keys.Verify(secret)
}

func keyNeeded() *server.Problem {
	return server.NewProblem(http.StatusUnauthorized, "a service key is needed: Authorization: Bearer <key>")
}
