package gateway_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/gateway"
	"github.com/bellhop/bellhop/store"
)

func TestStreamCarriesEvents(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	s := r.stream("/v1/stream?channel=topic:a", bearer(token(t, "42")))
	h := s.resp.Header
	require.Equal(t, "text/event-stream", h.Get("Content-Type"))
	require.Equal(t, "no-cache, no-transform", h.Get("Cache-Control"))
	require.Equal(t, "no", h.Get("X-Accel-Buffering"))
	require.Equal(t, []string{"chunked"}, s.resp.TransferEncoding)
	require.NotEmpty(t, h.Get("X-Request-ID"))
	s.greeted()
	ready := s.expect("bellhop.ready")
	require.JSONEq(t, `{"unread":0,"head":0}`, ready.data)
	retry, err := strconv.Atoi(ready.retry)
	require.NoError(t, err)
	require.True(t, 1000 <= retry && retry < 3000, "retry: %d", retry)
	require.Equal(t, 1, r.openStreams())
	require.Equal(t, 1, r.counted("bellhop_streams_opened_total", "no"))

	r.publish("user:42", `{"n":1}`)
	b := s.expect("note")
	require.Contains(t, b.data, `"channel":"user:42"`)
	require.Contains(t, b.data, `"data":{"n":1}`)
	r.publish("topic:a", `{"n":2}`)
	b = s.expect("note")
	require.Contains(t, b.data, `"channel":"topic:a"`)
	cursor, err := event.ParseCursor(b.id)
	require.NoError(t, err)
	for _, ch := range []event.Channel{"user:42", "topic:a"} {
		p, ok := cursor.Position(ch)
		require.True(t, ok)
		require.EqualValues(t, 1, p.Seq)
	}
	s.leave()
	require.Eventually(t, func() bool { return r.openStreams() == 0 }, patience, time.Millisecond)
	require.Equal(t, 1, r.counted("bellhop_streams_ended_total", "client"))
	r.stream("/v1/stream", bearer(token(t, "42")), header{"Last-Event-ID", b.id}).leave()
	require.Equal(t, 1, r.counted("bellhop_streams_opened_total", "yes"))
}

// Browsers reconnect after exactly the time that they were told: not all of them the
// same.
func TestClientsReconnectApart(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	times := make(map[string]bool)
	for range 10 {
		s := r.stream("/v1/stream?channel=topic:a").greeted()
		times[s.expect("bellhop.ready").retry] = true
		s.leave()
	}
	require.Greater(t, len(times), 5)
}

// The head and a comment reach the client although the log hangs.
func TestHeadIsFlushedBeforeTheLogAnswers(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.log.fail(store.ErrUnavailable)
	s := r.stream("/v1/stream?channel=topic:a").greeted()
	r.log.fail(nil)
	s.expect("bellhop.ready")
	s.leave()
}

func TestStreamResumes(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	for _, data := range []string{"1", "2", "3"} {
		r.publish("topic:a", data)
	}
	heads, err := r.log.Heads(t.Context(), []event.Channel{"topic:a"}, false)
	require.NoError(t, err)
	at := func(seq string) string { return seq + "." + string(heads.Epoch) + "@topic:a" }
	for name, tc := range map[string]struct {
		query  string
		header string
		want   []string // the data of the events before bellhop.ready
		reset  bool
	}{
		"no cursor starts at the head":        {"", "", nil, false},
		"header":                              {"", at("1"), []string{"2", "3"}, false},
		"header before lastEventId":           {"&lastEventId=" + at("2"), at("1"), []string{"2", "3"}, false},
		"header before nonsense in the query": {"&lastEventId=nonsense", at("1"), []string{"2", "3"}, false},
		"lastEventId before last_event_id":    {"&last_event_id=" + at("1") + "&lastEventId=" + at("2"), "", []string{"3"}, false},
		"the last lastEventId":                {"&lastEventId=" + at("1") + "&lastEventId=" + at("2"), "", []string{"3"}, false},
		"last_event_id":                       {"&last_event_id=" + at("2"), "", []string{"3"}, false},
		"an empty lastEventId is none":        {"&lastEventId=&last_event_id=" + at("2"), "", []string{"3"}, false},
		"everything retained":                 {"&lastEventId=0", "", []string{"1", "2", "3"}, false},
		"unparsable header":                   {"", "nonsense", nil, true},
		"unparsable header before the query":  {"&lastEventId=" + at("2"), "nonsense", nil, true},
		"unparsable header, replay":           {"&reset=replay", "nonsense", []string{"1", "2", "3"}, true},
		"another epoch":                       {"", "2.other@topic:a", nil, true},
		"another epoch, replay":               {"&reset=replay", "2.other@topic:a", []string{"1", "2", "3"}, true},
		"ahead of the head":                   {"", at("9"), nil, true},
		"ahead of the head, replay":           {"&reset=replay", at("9"), []string{"1", "2", "3"}, true},
		"a channel not asked for is ignored":  {"", at("2") + ",7.zzz@topic:b", []string{"3"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := r.on(t)
			var headers []header
			if tc.header != "" {
				headers = append(headers, header{"Last-Event-ID", tc.header})
			}
			s := r.stream("/v1/stream?channel=topic:a"+tc.query, headers...).greeted()
			if tc.reset {
				b := s.expect("bellhop.reset")
				require.Contains(t, b.data, `"channel":"topic:a"`)
				require.Equal(t, at(strconv.Itoa(3-len(tc.want))), b.id, "where the stream goes on")
			}
			for _, data := range tc.want {
				require.Contains(t, s.expect("note").data, `"data":`+data+`}`)
			}
			s.expect("bellhop.ready")
			s.leave()
		})
	}
}

func TestStreamOptions(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *gateway.Config) { c.Heartbeat = 50 * time.Millisecond })
	t.Run("events=message", func(t *testing.T) {
		r := r.on(t)
		s := r.stream("/v1/stream?channel=topic:m&events=message").greeted()
		s.expect("bellhop.ready")
		r.publish("topic:m", "1")
		require.Contains(t, s.expect("").data, `"type":"note"`)
		s.leave()
	})
	t.Run("heartbeats are comments", func(t *testing.T) {
		r := r.on(t)
		s := r.stream("/v1/stream?channel=topic:h").greeted()
		s.expect("bellhop.ready")
		b, ok := s.next()
		require.True(t, ok)
		require.Equal(t, block{comment: "hb"}, b)
		s.leave()
	})
	t.Run("heartbeat=5 beside heartbeat=event", func(t *testing.T) {
		r := newRig(t, nil)
		s := r.stream("/v1/stream?channel=topic:h&heartbeat=5&heartbeat=event").greeted()
		s.expect("bellhop.ready")
		began := time.Now()
		s.expect("bellhop.ping")
		require.Less(t, time.Since(began), patience, "the gateway's own come after 20 s")
		s.leave()
	})
	t.Run("heartbeat=event", func(t *testing.T) {
		r := r.on(t)
		s := r.stream("/v1/stream?channel=topic:h&heartbeat=event").greeted()
		s.expect("bellhop.ready")
		s.expect("bellhop.ping")
		s.leave()
	})
	t.Run("inbox=false", func(t *testing.T) {
		r := r.on(t)
		s := r.stream("/v1/stream?channel=topic:i&inbox=false", bearer(token(t, "42"))).greeted()
		b := s.expect("bellhop.ready")
		require.JSONEq(t, `{}`, b.data)
		require.NotContains(t, b.id, "user:42")
		s.leave()
	})
	t.Run("own inbox by name, inbox=false", func(t *testing.T) {
		r := r.on(t)
		s := r.stream("/v1/stream?channel=user:42&inbox=false", bearer(token(t, "42"))).greeted()
		require.Contains(t, s.expect("bellhop.ready").id, "user:42")
		s.leave()
	})
	t.Run("a channel named twice counts once", func(t *testing.T) {
		r := r.on(t)
		q := strings.Repeat("channel=topic:t&", 20) + "channel=user:42&channel=user:42"
		s := r.stream("/v1/stream?"+q, bearer(token(t, "42"))).greeted()
		b := s.expect("bellhop.ready")
		require.Equal(t, 1, strings.Count(b.id, "user:42"))
		require.Equal(t, 1, strings.Count(b.id, "topic:t"))
		s.leave()
	})
	t.Run("fifteen channels and the inbox", func(t *testing.T) {
		r := r.on(t)
		s := r.stream("/v1/stream?"+topics(15), bearer(token(t, "42"))).greeted()
		require.Equal(t, 15, strings.Count(s.expect("bellhop.ready").id, ","))
		s.leave()
	})
	t.Run("member", func(t *testing.T) {
		r := r.on(t)
		s := r.stream("/v1/stream?channel=room:7", bearer(token(t, "42", "room:*"))).greeted()
		s.expect("bellhop.ready")
		s.leave()
	})
}

// topics names n channels.
func topics(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("channel=topic:" + strconv.Itoa(i) + "&")
	}
	return strings.TrimSuffix(b.String(), "&")
}

func TestStreamEndsWithItsToken(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	expires := time.Now().Add(time.Second).Truncate(time.Second).Add(time.Second) // tokens count whole seconds
	s := r.stream("/v1/stream", bearer(tokenUntil(t, "42", expires))).greeted()
	s.expect("bellhop.ready")
	s.expect("bellhop.expired")
	require.False(t, time.Now().Before(expires))
	require.Less(t, time.Since(expires), patience/2, "about a second; a busy machine may need more")
	s.ended()
	require.Eventually(t, func() bool { return r.counted("bellhop_streams_ended_total", "expired") == 1 }, patience, time.Millisecond)
}

func TestStreamEndsAtItsMaximumAge(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *gateway.Config) { c.MaxAge = 200 * time.Millisecond })
	began := time.Now()
	s := r.stream("/v1/stream?channel=topic:a").greeted()
	s.expect("bellhop.ready")
	s.ended()
	require.GreaterOrEqual(t, time.Since(began), 180*time.Millisecond)
	require.Eventually(t, func() bool { return r.counted("bellhop_streams_ended_total", "age") == 1 }, patience, time.Millisecond)
}

func TestNewDemandsItsParts(t *testing.T) {
	t.Parallel()
	_, err := gateway.New(gateway.Config{Policies: auth.Builtin()})
	require.Error(t, err)
}
