package app

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// collector takes OTLP over HTTP.
type collector struct {
	mu    sync.Mutex
	spans []span
}

type span struct {
	service, instance                   string
	TraceID, SpanID, ParentSpanID, Name string
	StartTimeUnixNano, EndTimeUnixNano  int64 `json:",string"` //nolint:tagliatelle // OTLP calls them so
	Attributes                          []attribute
}

type attribute struct {
	Key   string
	Value struct{ StringValue, IntValue string }
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body struct {
		ResourceSpans []struct {
			Resource   struct{ Attributes []attribute }
			ScopeSpans []struct{ Spans []span }
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, resource := range body.ResourceSpans {
		for _, scope := range resource.ScopeSpans {
			for _, s := range scope.Spans {
				s.service, s.instance = valueOf(resource.Resource.Attributes, "service.name"), valueOf(resource.Resource.Attributes, "service.instance.id")
				c.spans = append(c.spans, s)
			}
		}
	}
}

func valueOf(attributes []attribute, key string) string {
	for _, a := range attributes {
		if a.Key == key {
			return a.Value.StringValue + a.Value.IntValue
		}
	}
	return ""
}

// named are the spans of that name, sorted as they came.
func (c *collector) named(name string) (found []span) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.spans {
		if s.Name == name {
			found = append(found, s)
		}
	}
	return found
}

// TestOneEventIsATraceAcrossProcesses: from the publisher's own span over the append and
// the bus to each gateway, which says how many streams it handed the event to. What
// nobody traces leaves nothing.
func TestOneEventIsATraceAcrossProcesses(t *testing.T) {
	t.Parallel()
	const trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	c := new(collector)
	srv := httptest.NewServer(c)
	t.Cleanup(srv.Close)
	h := newHouse(t)
	environ := h.environ("BELLHOP_LOG_FORMAT=text", "BELLHOP_TRACES_URL="+srv.URL+"/v1/traces", "BELLHOP_TRACES_RATIO=0")
	_, _, notifier := launch(t, "notifier", nil, environ)
	var gateways [2]string
	for i := range gateways {
		_, _, gateways[i] = launch(t, "gateway", nil, environ)
	}
	var streams []*stream
	for _, at := range []int{0, 1, 1} {
		streams = append(streams, openStream(t, gateways[at], "user:mina", "Authorization", "Bearer "+signed(t, "mina", time.Now())))
	}
	publish := func(data, traceparent string) {
		t.Helper()
		for _, s := range streams {
			s.waitFor("event: bellhop.ready")
		}
		code, answer := post(t, notifier+"/v1/events", `{"channels":["user:mina"],"type":"x","data":"`+data+`"}`,
			"Authorization", "Bearer "+fleetKey, "Traceparent", traceparent, "X-Request-Id", data)
		require.Equal(t, http.StatusCreated, code, answer)
		for _, s := range streams {
			s.waitFor(data)
		}
	}
	publish("untraced", "00-"+trace+"-"+parent+"-00")
	publish("nonsense", "00-"+trace+"-"+parent)
	publish("traced", "00-"+trace+"-"+parent+"-01")
	require.Eventually(t, func() bool { return len(c.named("hand over")) == 2 && len(c.named("POST /v1/events")) == 1 }, patience, tick, "%+v", c)

	request, written, announced := c.named("POST /v1/events"), c.named("append"), c.named("announce")
	require.Len(t, written, 1)
	require.Len(t, announced, 1)
	require.Equal(t, parent, request[0].ParentSpanID)
	require.Equal(t, "forum", valueOf(request[0].Attributes, "bellhop.service"))
	require.Equal(t, "traced", valueOf(request[0].Attributes, "bellhop.request_id"))
	require.Equal(t, request[0].SpanID, written[0].ParentSpanID)
	require.Equal(t, request[0].SpanID, announced[0].ParentSpanID)
	handed := c.named("hand over")
	count := map[string]bool{}
	for _, s := range handed {
		require.Equal(t, announced[0].SpanID, s.ParentSpanID)
		require.Equal(t, "bellhop-gateway", s.service)
		require.Equal(t, "user", valueOf(s.Attributes, "bellhop.namespace"))
		require.Equal(t, "3", valueOf(s.Attributes, "bellhop.seq"))
		count[valueOf(s.Attributes, "bellhop.streams")] = true
	}
	require.Equal(t, map[string]bool{"1": true, "2": true}, count)
	require.NotEqual(t, handed[0].instance, handed[1].instance)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.spans {
		require.Equal(t, trace, s.TraceID)
		require.LessOrEqual(t, s.StartTimeUnixNano, s.EndTimeUnixNano)
	}
	require.Len(t, c.spans, 5)
}
