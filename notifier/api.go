package notifier

import (
	"net/http"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// EventBody is an event as a publisher writes it. It serves the OpenAPI document
// alone: bodies are read by parser, since the data must not pass through a Go
// value. It has an exported name because huma leaves out what is embedded without.
type EventBody struct {
	Channels    []string   `json:"channels,omitempty" maxItems:"1000" uniqueItems:"true" doc:"The channels that get the event, as namespace:key. All of them get it, or none. 1 to 1000 together with users." example:"[\"user:42\"]"`
	Users       []string   `json:"users,omitempty" maxItems:"1000" uniqueItems:"true" doc:"People whose inboxes get it, as their tokens name them." example:"[\"Jane Doe\"]"`
	Type        string     `json:"type" pattern:"^[A-Za-z][A-Za-z0-9._-]{0,63}$" doc:"The type of the event. Types that begin with bellhop. are reserved." example:"comment"`
	Data        any        `json:"data" doc:"Any JSON value. It reaches clients exactly as it was sent, with all digits of its numbers."`
	ExpiresAt   *time.Time `json:"expires_at,omitempty" doc:"The event is hidden from then on."`
	CollapseKey string     `json:"collapse_key,omitempty" maxLength:"128" doc:"The event replaces the newest unread item with the same key in the inbox."`
	Renew       bool       `json:"renew,omitempty" doc:"The event replaces the item with its collapse_key even if that is read."`
	Critical    bool       `json:"critical,omitempty" doc:"People get it even if they have muted its type."`
}

type keyedEventBody struct {
	EventBody
	IdempotencyKey string `json:"idempotency_key,omitempty" maxLength:"255" doc:"As the Idempotency-Key header of a single event."`
}

type batchBody struct {
	Events []keyedEventBody `json:"events" minItems:"1" maxItems:"500"`
}

// Register adds the operations of publishers and operators to an API.
func (n *Notifier) Register(api huma.API) {
	doc := api.OpenAPI()
	if doc.Components.SecuritySchemes == nil {
		doc.Components.SecuritySchemes = make(map[string]*huma.SecurityScheme)
	}
	doc.Components.SecuritySchemes[securityScheme] = &huma.SecurityScheme{
		Type: "http", Scheme: "bearer", Description: "The key of a publishing service.",
	}
	security := []map[string][]string{{securityScheme: {}}}
	tags := []string{"publish"}

	event := huma.Operation{
		OperationID: "publish", Method: http.MethodPost, Path: "/v1/events", Tags: tags, Security: security,
		Summary:       "Publish an event",
		Description:   "Answers once the event is written to all its channels. After a 503 it may or may not have been written: repeat the request with the same Idempotency-Key. It was not written if the answer says \"written\": false.",
		DefaultStatus: http.StatusCreated, MaxBodyBytes: maxEventBody(n.cfg.MaxData),
		Errors: []int{400, 401, 403, 409, 413, 415, 422, 429, 503},
	}
	batch := huma.Operation{
		OperationID: "publish-batch", Method: http.MethodPost, Path: "/v1/events/batch", Tags: tags, Security: security,
		Summary:      "Publish up to 500 events",
		Description:  "Each event succeeds or fails by itself. Results are in the order of the events.",
		MaxBodyBytes: maxBatchBody,
		Errors:       []int{400, 401, 403, 413, 415, 422, 429, 503},
	}
	event.Middlewares = huma.Middlewares{n.authenticate, n.pace, plainJSON, oneKey, n.bodies.bound, n.quick}
	batch.Middlewares = huma.Middlewares{n.authenticate, n.pace, plainJSON, noKey, n.bodies.bound}
	for _, op := range []*huma.Operation{&event, &batch} {
		op.SkipValidateBody = true
		op.RequestBody = &huma.RequestBody{Required: true}
	}
	huma.Register(api, event, n.publish)
	huma.Register(api, batch, n.publishBatch)
	withdraw := huma.Operation{
		OperationID: "withdraw-events", Method: http.MethodDelete, Path: "/v1/channels/{channel}/events", Tags: tags, Security: security,
		Summary: "Withdraw the events with a collapse key",
		Description: "Removes all events of the channel that have the key: from lists, counts and replays, and from open bells. Later events stay. " +
			"Repeating it is harmless. Channels that are kept in Redis have no collapse keys. A slash in the channel's name is written %2F.",
		Errors: []int{401, 403, 422, 429, 503}, Middlewares: huma.Middlewares{n.authenticate, n.pace},
	}
	huma.Register(api, withdraw, n.withdraw)
	n.registerAdmin(api, security)
	describe[EventBody](doc, event.RequestBody, "Event")
	describe[batchBody](doc, batch.RequestBody, "Batch")
}

// describe documents a body that huma took as bytes.
func describe[T any](doc *huma.OpenAPI, body *huma.RequestBody, name string) {
	body.Content = map[string]*huma.MediaType{
		"application/json": {Schema: doc.Components.Schemas.Schema(reflect.TypeFor[T](), true, name)},
	}
}
