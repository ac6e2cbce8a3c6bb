package tracing

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestSpansAreWrittenAsOTLPHasThem: ids in hexadecimal, numbers of 64 bits as strings, and
// nothing of what there is not.
func TestSpansAreWrittenAsOTLPHasThem(t *testing.T) {
	t.Parallel()
	tracer := &Tracer{cfg: Config{Service: "notifier", Version: "1.0", Instance: "a"}}
	at := time.Unix(1, 5)
	whole := &Span{name: "publish", kind: Server, context: Context{0: 1, traceBytes: 2}, began: at, ended: at}
	failed := &Span{name: "append", kind: Internal, context: Context{0: 1, traceBytes: 3}, parent: [8]byte{2}, began: at, ended: at, failed: true}
	failed.Set("error.message", `no "log"`)
	failed.SetInt("bellhop.channels", 0)
	body, err := json.Marshal(tracer.request([]*Span{whole, failed}))
	require.NoError(t, err)
	require.JSONEq(t, `{"resourceSpans": [{
		"resource": {"attributes": [
			{"key": "service.name", "value": {"stringValue": "notifier"}},
			{"key": "service.version", "value": {"stringValue": "1.0"}},
			{"key": "service.instance.id", "value": {"stringValue": "a"}}]},
		"scopeSpans": [{"scope": {"name": "bellhop"}, "spans": [
			{"traceId": "01000000000000000000000000000000", "spanId": "0200000000000000", "name": "publish", "kind": 2,
				"startTimeUnixNano": "1000000005", "endTimeUnixNano": "1000000005", "attributes": []},
			{"traceId": "01000000000000000000000000000000", "spanId": "0300000000000000", "parentSpanId": "0200000000000000",
				"name": "append", "kind": 1, "startTimeUnixNano": "1000000005", "endTimeUnixNano": "1000000005",
				"attributes": [
					{"key": "error.message", "value": {"stringValue": "no \"log\""}},
					{"key": "bellhop.channels", "value": {"intValue": "0"}}],
				"status": {"code": 2}}]}]}]}`, string(body))
}

// TestWhatIsNotTracedCostsNoMemory: that is what most requests are.
func TestWhatIsNotTracedCostsNoMemory(t *testing.T) {
	tracer := &Tracer{}
	require.Zero(t, testing.AllocsPerRun(100, func() { tracer.Begin("publish", "") }))
}
