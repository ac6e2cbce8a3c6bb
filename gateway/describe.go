package gateway

import (
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/bellhop/bellhop/internal/server"
)

// describeStream puts the stream into the API's document. It is not a typed
// operation, since its answer never ends. It returns the parameters.
func (g *Gateway) describeStream(api huma.API) []*huma.Param {
	text := &huma.Schema{Type: huma.TypeString}
	query := func(name string, schema *huma.Schema, doc string) *huma.Param {
		return &huma.Param{Name: name, In: "query", Schema: schema, Description: doc}
	}
	limit := maxExtra
	op := &huma.Operation{
		OperationID: "open-stream", Method: http.MethodGet, Path: streamPath,
		Summary:     "Open a stream of Server-Sent Events",
		Description: "The stream has the inbox of the token's subject and the channels that the query names. It begins after the cursor, or now if there is none.",
		Parameters: []*huma.Param{
			query("channel", &huma.Schema{Type: huma.TypeArray, Items: text, MaxItems: &limit}, "A further channel; repeatable."),
			query("inbox", &huma.Schema{Type: huma.TypeString, Enum: []any{"true", "false"}}, "false leaves the own inbox out."),
			query("events", &huma.Schema{Type: huma.TypeString, Enum: []any{"message"}}, "message leaves the event lines out, so that one onmessage sees all events."),
			query("heartbeat", &huma.Schema{Type: huma.TypeArray, Items: text}, "event makes heartbeats bellhop.ping events, which scripts can see; a number is the longest silence in seconds, 5 to 60. Both may be given."),
			query("wait", &huma.Schema{Type: huma.TypeInteger, Minimum: new(float64(leastWait)), Maximum: new(float64(mostWait))}, "A long poll: the response ends once it said something new, at the latest after so many seconds. The next one goes on from its last id."),
			query("reset", &huma.Schema{Type: huma.TypeString, Enum: []any{"replay"}}, "replay: after a reset a channel goes on with all that is retained; else as for a client that brought no position."),
			query("lastEventId", text, "The cursor, for clients that can't send the header."),
			query("last_event_id", text, "The same, with the least precedence."),
			{Name: "Last-Event-ID", In: "header", Schema: text, Description: "The cursor: the id of the last event."},
		},
		Responses: map[string]*huma.Response{
			"200": {Description: "The stream. If a limit of the person or the address is reached, it has bellhop.refused and ends.", Content: map[string]*huma.MediaType{"text/event-stream": {Schema: text}}},
		},
	}
	problem := api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[server.Problem](), true, "Problem")
	for code, doc := range map[string]string{
		"400": "Malformed query.",
		"401": "A token is missing or no good.",
		"403": "The token does not open one of the channels.",
		"406": "Accept excludes text/event-stream.",
		"503": "Draining or full; Retry-After says when to try again.",
	} {
		op.Responses[code] = &huma.Response{Description: doc, Content: map[string]*huma.MediaType{server.ProblemType: {Schema: problem}}}
	}
	op.Parameters = append(op.Parameters, g.tokenParam()...)
	api.OpenAPI().AddOperation(op)
	return op.Parameters
}

// tokenParam is the parameter of a call whose address may carry the token, where
// that is enabled.
func (g *Gateway) tokenParam() []*huma.Param {
	if !g.cfg.AccessTokenQuery {
		return nil
	}
	return []*huma.Param{{
		Name: accessToken, In: "query", Schema: &huma.Schema{Type: huma.TypeString},
		Description: "The token, for clients that can send neither a header nor a cookie.",
	}}
}
