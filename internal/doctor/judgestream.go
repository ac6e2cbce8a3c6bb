package doctor

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// observation is all that was seen of a site's streams.
type observation struct {
	tls       bool
	heartbeat time.Duration
	seen      seen
	head      answer // to HEAD
	poll      answer // to a long poll
	browser   sight  // a stream with a browser's headers
	patient   sight  // one that asks for longer silences, and for no compression
}

// seen is what the gateway says of the request that reached it.
type seen struct {
	proto       string // empty: it does not say
	tls, cursor bool
	heartbeat   time.Duration
}

func readSeen(h http.Header) (s seen) {
	for part := range strings.SplitSeq(h.Get(seenHeader), "; ") {
		switch name, value, _ := strings.Cut(part, "="); name {
		case "proto":
			s.proto = value
		case "tls":
			s.tls = value == "true"
		case "cursor":
			s.cursor = value == "true"
		case "heartbeat":
			s.heartbeat, _ = time.ParseDuration(value)
		}
	}
	return s
}

// enough tells whether nothing more is to be learned: the browser's stream was cut, or
// each was seen through two heartbeats, ended, or brings nothing.
func (o *observation) enough() bool {
	settled := func(s sight) bool {
		if s.first == 0 {
			return s.over || s.age > firstByteLate
		}
		return s.over || s.age-s.first > 2*o.heartbeat+o.heartbeat/4
	}
	b := o.browser
	beaten := b.first == 0 || b.last-b.first > o.heartbeat/2 || b.silence > o.lateBeat()
	return b.over && b.first > 0 || beaten && settled(b) && settled(o.patient)
}

// lateBeat is a silence that says that a heartbeat was held back.
func (o *observation) lateBeat() time.Duration { return o.heartbeat + o.heartbeat/2 + time.Second }

// thing is something that is judged, by the first of its outcomes that is so.
type thing struct {
	what     string
	outcomes []outcome
}

type outcome struct {
	so       bool
	says, do string // as those of Finding
}

func find(things []thing) (found []Finding) {
	for _, t := range things {
		if i := slices.IndexFunc(t.outcomes, func(o outcome) bool { return o.so }); i >= 0 {
			found = append(found, Finding{t.what, t.outcomes[i].says, t.outcomes[i].do})
		}
	}
	return found
}

// judge says what is so and what to do about it.
func (o *observation) judge() []Finding {
	if refused := find(o.refusal()); len(refused) > 0 {
		return refused
	}
	return find(slices.Concat(o.heads(), o.streams()))
}

// refusal is of a site that opens no stream at all.
func (o *observation) refusal() []thing {
	const look = "see what answers at this address, and what it logs"
	status, browser := o.head.status, o.browser.status
	refused := fmt.Sprintf("is refused with %d", status)
	return []thing{{"stream", []outcome{
		{o.head.err != nil, fmt.Sprintf("there is no answer: %v", o.head.err),
			"see that the address is right and that something listens there"},
		{status == http.StatusUnauthorized || status == http.StatusForbidden, refused,
			"give a token that is good (--token), or a channel that is open to all (--channel)"},
		{status != http.StatusOK, refused, look},
		{browser != 0 && browser != http.StatusOK, fmt.Sprintf("is refused with %d", browser), look},
		{strings.Contains(o.browser.text, "event: bellhop.refused"), "is refused: " + o.browser.text, "see the reason; api.md explains it"},
	}}}
}

// heads is what the heads of the answers tell, and what the gateway says of the requests.
func (o *observation) heads() []thing {
	header, proto := o.anyHead(), o.head.proto
	kind, accel := header.Get("Content-Type"), header.Get("X-Accel-Buffering")
	media, _, _ := strings.Cut(kind, ";")
	cache := strings.Join(header.Values("Cache-Control"), ", ")
	coding := codingOf(o.browser.header, o.poll.header)
	return []thing{
		{"HTTP version", []outcome{
			{proto == "HTTP/1.0", proto, "have the proxy in front speak HTTP/1.1 or 2: 1.0 has no chunks, so a break looks like an end"},
			{proto == "HTTP/1.1" && o.tls, "HTTP/2 is off, the site speaks " + proto,
				"turn HTTP/2 on (Nginx: http2 on, or listen ... ssl http2): with 1.1 a browser opens six connections to a site, and the seventh tab hangs"},
			{!o.tls, proto + "; HTTP/2 comes with TLS", ""},
			{true, proto, ""},
		}},
		{"HTTP version towards the gateway", []outcome{
			{o.seen.proto == "", "not known, the gateway does not say", ""},
			{o.seen.proto == "HTTP/1.0", "HTTP/1.0, which has no chunks: a proxy may wait for the end, and a break looks like one",
				`set proxy_http_version 1.1 and proxy_set_header Connection "" (Nginx before 1.29.7 speaks 1.0 by itself)`},
			{true, o.seen.proto, ""},
		}},
		{"compression", []outcome{
			{coding != "", "a proxy compresses the stream (" + coding + ")",
				"leave text/event-stream out of what the proxy compresses (Nginx: gzip off): events wait in the compressor's buffer"},
			{true, "none", ""},
		}},
		{"Content-Type", []outcome{
			{strings.TrimSpace(media) != "text/event-stream", fmt.Sprintf("is %q, not text/event-stream", kind),
				"have the proxies leave it as it is: browsers end a stream of another type"},
			{true, kind, ""},
		}},
		{"Cache-Control", []outcome{
			{!strings.Contains(cache, "no-transform"), fmt.Sprintf("is %q, no-transform was lost", cache),
				"have the proxies leave the gateway's header as it is (Nginx: no proxy_hide_header, expires or add_header for it): without it the next proxy may compress and hold back"},
			{true, cache, ""},
		}},
		{"X-Accel-Buffering", []outcome{
			{accel == "no", "no", ""},
			{accel == "", "was taken out on the way, as Nginx does that follows it", ""},
			{true, fmt.Sprintf("is %q, and the gateway says no", accel), "have the proxies leave the gateway's header as it is"},
		}},
		{"Last-Event-ID", []outcome{
			{o.seen.proto != "" && !o.seen.cursor, "does not reach the gateway",
				"have the proxies pass the header on: without it every reconnect begins anew and misses events"},
			{true, "reaches the gateway", ""},
		}},
		{"X-Forwarded-Proto", []outcome{
			{o.tls && o.seen.proto != "" && !o.seen.tls, "the gateway takes the connection for one without TLS",
				"have the proxy send it, and name the proxy in the gateway's --trusted-proxies: cookies are not Secure otherwise, and clients' addresses not known"},
			{true, "the gateway knows whether there is TLS", ""},
		}},
	}
}

// codingOf is the first content coding that is one.
func codingOf(heads ...http.Header) string {
	for _, h := range heads {
		if coding := h.Get("Content-Encoding"); coding != "" && coding != "identity" {
			return coding
		}
	}
	return ""
}

// anyHead is the head that has arrived.
func (o *observation) anyHead() http.Header {
	for _, a := range []answer{o.browser.answer, o.patient.answer, o.poll} {
		if a.header != nil {
			return a.header
		}
	}
	return o.head.header
}

// streams is what the streams tell by what arrived when. Of one that may be silent for
// longer than the gateway is, the end shows how far a limit on silence is.
func (o *observation) streams() []thing {
	const unbuffer = "turn buffering off for the stream (Nginx: proxy_buffering off, and no proxy_ignore_headers X-Accel-Buffering)"
	const unhold = "see the buffering: what arrives late was held back"
	b, cut := o.browser, o.browser
	if !cut.over || cut.first == 0 {
		cut = o.patient
	}
	ended, silence := cut.over && cut.first > 0, cut.age-cut.last
	beats := "the gateway says something every " + o.heartbeat.String()
	return []thing{
		{"first byte", []outcome{
			{b.first == 0 && o.patient.first > 0, "none within " + round(b.age), "see the compression: the same stream uncompressed begins at once"},
			{b.first == 0, "none within " + round(b.age) + ": a proxy buffers the stream, or waits for its end", unbuffer},
			{b.first > o.head.took+firstByteLate, "came after " + round(b.first) + ": a proxy buffers the stream", unbuffer},
			{true, "after " + round(b.first), ""},
		}},
		{"heartbeats", []outcome{
			{b.first == 0, "none arrived", unhold},
			{b.silence > o.lateBeat(), "nothing for " + round(b.silence) + ", and " + beats, unhold},
			{b.age-b.first < o.heartbeat, "not seen: " + beats + ", and the stream was seen for " + round(b.age), ""},
			{true, "in time: no silence was longer than " + round(b.silence) + ", and " + beats, ""},
		}},
		{"silence", []outcome{
			{ended && cut.endErr == nil, "the stream was ended after " + round(cut.age),
				"see whether the gateway was stopped, and if not, which proxy limits the length of a response"},
			{ended && silence > time.Second, "the stream was cut after " + round(silence) + " of it",
				"set the limit on silence of every proxy (Nginx: proxy_read_timeout) above twice the heartbeat, which is " +
					o.heartbeat.String() + ", or lower --heartbeat"},
			{ended, fmt.Sprintf("the stream was cut after %s: %v", round(cut.age), cut.endErr),
				"see which proxy limits the length of a response, or was restarted"},
			{o.patient.first == 0, "not known, nothing arrived", ""},
			{true, round(o.patient.silence) + " of it cut nothing", ""},
		}},
	}
}

func round(d time.Duration) string {
	if d < time.Second {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(100 * time.Millisecond).String()
}
