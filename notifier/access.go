package notifier

import (
	"context"
	"mime"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/internal/server"
)

// securityScheme is the name of service keys in the OpenAPI document.
const securityScheme = "serviceKey"

type serviceKey struct{}

// serviceOf is who sent a request that authenticate let pass.
func serviceOf(ctx context.Context) auth.Service {
	s, _ := ctx.Value(serviceKey{}).(auth.Service)
	return s
}

// authenticate lets requests with a known service key pass, before anything of
// their bodies is read.
func (n *Notifier) authenticate(ctx huma.Context, next func(huma.Context)) {
	service, ok := n.service(ctx)
	if !ok {
		refuse(ctx, keyNeeded())
		return
	}
	next(huma.WithValue(ctx, serviceKey{}, service))
}

// idempotencyKeys are the Idempotency-Key headers of a request.
func idempotencyKeys(ctx huma.Context) []string {
	return humaecho.Unwrap(ctx).Request().Header["Idempotency-Key"] // as net/http spells every such header
}

// oneKey lets requests pass with one good Idempotency-Key or none. Of two keys
// neither could be trusted, and an empty one is a mistake: its sender believes
// that the request is safe to repeat.
func oneKey(ctx huma.Context, next func(huma.Context)) {
	keys := idempotencyKeys(ctx)
	if len(keys) > 1 || len(keys) == 1 && !validKey(keys[0]) {
		refuse(ctx, brokenRule("header.Idempotency-Key", errIdempotencyKey.Error()))
		return
	}
	next(ctx)
}

// noKey refuses the header where it would promise what is not kept.
func noKey(ctx huma.Context, next func(huma.Context)) {
	if len(idempotencyKeys(ctx)) > 0 {
		refuse(ctx, brokenRule("header.Idempotency-Key", "in a batch each event has its own idempotency_key"))
		return
	}
	next(ctx)
}

// plainJSON lets bodies pass that are JSON as they stand. A compressed one could
// unfold to any size, and a form is what a browser sends without asking first.
func plainJSON(ctx huma.Context, next func(huma.Context)) {
	if ctx.Header("Content-Encoding") != "" {
		refuse(ctx, server.NewProblem(http.StatusUnsupportedMediaType, "the body must not be encoded").
			SetHeader("Accept-Encoding", "identity")) // RFC 9110, section 12.5.3
		return
	}
	if ct := ctx.Header("Content-Type"); ct != "" && ct != "application/json" {
		if media, _, err := mime.ParseMediaType(ct); err != nil || media != "application/json" {
			refuse(ctx, server.NewProblem(http.StatusUnsupportedMediaType, "the body must be application/json"))
			return
		}
	}
	next(ctx)
}

func refuse(ctx huma.Context, p *server.Problem) {
	c := humaecho.Unwrap(ctx)
	// An error means that the client is gone: there is nobody to tell.
	_ = p.Write(c.Response(), c.Request())
}
