package doctor

import (
	"net/http"
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

// judge says what is so and what to do about it.
func (o *observation) judge() []Finding {
	if f, refused := o.refused(); refused {
		return []Finding{f}
	}
	return []Finding{
		o.protocol(), o.upstream(), o.compression(), o.contentType(), o.cacheControl(), o.accel(),
		o.cursor(), o.scheme(), o.firstByte(), o.heartbeats(), o.idle(),
	}
}

// refused is a site that opens no stream at all.
func (o *observation) refused() (Finding, bool) {
	const what = "stream"
	switch status := o.head.status; {
	case o.head.err != nil:
		return Bad(what, "see that the address is right and that something listens there", "there is no answer: %v", o.head.err), true
	case status == http.StatusUnauthorized || status == http.StatusForbidden:
		return Bad(what, "give a token that is good (--token), or a channel that is open to all (--channel)", "is refused with %d", status), true
	case status != http.StatusOK:
		return Bad(what, "see what answers at this address, and what it logs", "is refused with %d", status), true
	case o.browser.status != 0 && o.browser.status != http.StatusOK:
		return Bad(what, "see what answers at this address, and what it logs", "is refused with %d", o.browser.status), true
	case strings.Contains(o.browser.text, "event: bellhop.refused"):
		return Bad(what, "see the reason; api.md explains it", "is refused: %s", o.browser.text), true
	}
	return Finding{}, false
}

func (o *observation) protocol() Finding {
	const what = "HTTP version"
	switch proto := o.head.proto; {
	case proto == "HTTP/1.0":
		return Bad(what, "have the proxy in front speak HTTP/1.1 or 2: 1.0 has no chunks, so a break looks like an end", "%s", proto)
	case proto == "HTTP/1.1" && o.tls:
		return Bad(what, "turn HTTP/2 on (Nginx: http2 on, or listen ... ssl http2): with 1.1 a browser opens six connections to a site, and the seventh tab hangs",
			"HTTP/2 is off, the site speaks %s", proto)
	case !o.tls:
		return Good(what, "%s; HTTP/2 comes with TLS", proto)
	default:
		return Good(what, "%s", proto)
	}
}

func (o *observation) upstream() Finding {
	const what = "HTTP version towards the gateway"
	switch o.seen.proto {
	case "":
		return Good(what, "not known, the gateway does not say")
	case "HTTP/1.0":
		return Bad(what, `set proxy_http_version 1.1 and proxy_set_header Connection "" (Nginx before 1.29.7 speaks 1.0 by itself)`,
			"HTTP/1.0, which has no chunks: a proxy may wait for the end, and a break looks like one")
	default:
		return Good(what, "%s", o.seen.proto)
	}
}

func (o *observation) compression() Finding {
	const what = "compression"
	for _, h := range []http.Header{o.browser.header, o.poll.header} {
		if coding := h.Get("Content-Encoding"); coding != "" && coding != "identity" {
			return Bad(what, "leave text/event-stream out of what the proxy compresses (Nginx: gzip off): events wait in the compressor's buffer",
				"a proxy compresses the stream (%s)", coding)
		}
	}
	return Good(what, "none")
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

func (o *observation) contentType() Finding {
	const what = "Content-Type"
	is := o.anyHead().Get(what)
	if kind, _, _ := strings.Cut(is, ";"); strings.TrimSpace(kind) != "text/event-stream" {
		return Bad(what, "have the proxies leave it as it is: browsers end a stream of another type", "is %q, not text/event-stream", is)
	}
	return Good(what, "%s", is)
}

func (o *observation) cacheControl() Finding {
	const what = "Cache-Control"
	is := strings.Join(o.anyHead().Values(what), ", ")
	if !strings.Contains(is, "no-transform") {
		return Bad(what, "have the proxies leave the gateway's header as it is (Nginx: no proxy_hide_header, expires or add_header for it): without it the next proxy may compress and hold back",
			"is %q, no-transform was lost", is)
	}
	return Good(what, "%s", is)
}

func (o *observation) accel() Finding {
	const what = "X-Accel-Buffering"
	switch is := o.anyHead().Get(what); is {
	case "no":
		return Good(what, "no")
	case "":
		return Good(what, "was taken out on the way, as Nginx does that follows it")
	default:
		return Bad(what, "have the proxies leave the gateway's header as it is", "is %q, and the gateway says no", is)
	}
}

func (o *observation) cursor() Finding {
	const what = "Last-Event-ID"
	if o.seen.proto != "" && !o.seen.cursor {
		return Bad(what, "have the proxies pass the header on: without it every reconnect begins anew and misses events", "does not reach the gateway")
	}
	return Good(what, "reaches the gateway")
}

func (o *observation) scheme() Finding {
	const what = "X-Forwarded-Proto"
	if o.tls && o.seen.proto != "" && !o.seen.tls {
		return Bad(what, "have the proxy send it, and name the proxy in the gateway's --trusted-proxies: cookies are not Secure otherwise, and clients' addresses not known",
			"the gateway takes the connection for one without TLS")
	}
	return Good(what, "the gateway knows whether there is TLS")
}

func (o *observation) firstByte() Finding {
	const what = "first byte"
	const do = "turn buffering off for the stream (Nginx: proxy_buffering off, and no proxy_ignore_headers X-Accel-Buffering)"
	switch b := o.browser; {
	case b.first == 0 && o.patient.first > 0:
		return Bad(what, "see the compression: the same stream uncompressed begins at once", "none within %s", round(b.age))
	case b.first == 0:
		return Bad(what, do, "none within %s: a proxy buffers the stream, or waits for its end", round(b.age))
	case b.first > o.head.took+firstByteLate:
		return Bad(what, do, "came after %s: a proxy buffers the stream", round(b.first))
	default:
		return Good(what, "after %s", round(b.first))
	}
}

func (o *observation) heartbeats() Finding {
	const what = "heartbeats"
	const do = "see the buffering: what arrives late was held back"
	switch b := o.browser; {
	case b.first == 0:
		return Bad(what, do, "none arrived")
	case b.silence > o.lateBeat():
		return Bad(what, do, "nothing for %s, and the gateway says something every %s", round(b.silence), o.heartbeat)
	case b.age-b.first < o.heartbeat:
		return Good(what, "not seen: the gateway says something every %s, and the stream was seen for %s", o.heartbeat, round(b.age))
	default:
		return Good(what, "in time: no silence was longer than %s, and the gateway says something every %s", round(b.silence), o.heartbeat)
	}
}

// idle is whether silence ends a stream. One that may be silent for longer than the
// gateway is shows how far the limit is.
func (o *observation) idle() Finding {
	const what = "silence"
	do := "set the limit on silence of every proxy (Nginx: proxy_read_timeout) above twice the heartbeat, which is " + o.heartbeat.String() + ", or lower --heartbeat"
	for _, s := range []sight{o.browser, o.patient} {
		if !s.over || s.first == 0 {
			continue
		}
		cut := s.age - s.last
		switch {
		case s.endErr == nil:
			return Bad(what, "see whether the gateway was stopped, and if not, which proxy limits the length of a response", "the stream was ended after %s", round(s.age))
		case cut > time.Second:
			return Bad(what, do, "the stream was cut after %s of it", round(cut))
		default:
			return Bad(what, "see which proxy limits the length of a response, or was restarted", "the stream was cut after %s: %v", round(s.age), s.endErr)
		}
	}
	if o.patient.first == 0 {
		return Good(what, "not known, nothing arrived")
	}
	return Good(what, "%s of it cut nothing", round(o.patient.silence))
}

func round(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Round(time.Millisecond)
	}
	return d.Round(100 * time.Millisecond)
}
