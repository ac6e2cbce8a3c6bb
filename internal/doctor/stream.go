package doctor

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bellhop/bellhop/internal/wait"
)

// Stream is what to open: a stream as a browser does, through everything that stands
// between it and the gateway.
type Stream struct {
	URL      string // of the site, with or without /v1/stream
	Token    string // empty: anonymous
	Channel  string // empty: only the inbox
	Insecure bool   // take any certificate
	// Wait bounds the look. What is known sooner ends it.
	Wait time.Duration
}

const (
	streamPath = "/v1/stream"
	seenHeader = "X-Bellhop-Seen" // gateway.SeenHeader

	// firstByteLate is when a first byte has not come with the head: more than any
	// network takes, and less than what buffers hold back.
	firstByteLate = 5 * time.Second
	// The longest silence that a client may ask for, and the shortest, in seconds.
	leastSilence, mostSilence = 5, 60
	usualHeartbeat            = 20 * time.Second
	lookEvery                 = 20 * time.Millisecond
	// enoughText is as much of a stream as is kept, to see what it said.
	enoughText = 4 << 10
)

// Look opens streams and returns what holds them back, a finding for each thing. It
// takes as long as two heartbeats, Wait at most.
//
// Four requests tell the causes apart. HEAD is answered at once whatever is held back,
// and brings word of what the gateway saw. A long poll ends by itself, so its head
// arrives through a buffer too. A stream with a browser's headers, and one that may not
// be compressed and asks for longer silences, show what arrives when.
func (s Stream) Look(ctx context.Context) ([]Finding, error) {
	base, err := url.Parse(s.URL)
	if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") {
		return nil, fmt.Errorf("%q is no address: want https://host", s.URL)
	}
	base.Path = strings.TrimSuffix(strings.TrimSuffix(base.Path, "/"), streamPath) + streamPath
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(s.Wait, time.Minute))
	defer cancel()
	transport := &http.Transport{
		Proxy:              http.ProxyFromEnvironment,
		ForceAttemptHTTP2:  true,
		DisableCompression: true,                                        // what is compressed is to be seen
		TLSClientConfig:    &tls.Config{InsecureSkipVerify: s.Insecure}, //nolint:gosec // only if asked for
	}
	defer transport.CloseIdleConnections()
	l := &look{Stream: s, client: &http.Client{Transport: transport}, base: base}

	var o observation
	o.tls = base.Scheme == "https"
	o.head = l.ask(ctx, http.MethodHead, nil, "Last-Event-ID", "doctor")
	if o.head.err != nil || o.head.status != http.StatusOK {
		return o.judge(), nil
	}
	o.seen = readSeen(o.head.header)
	o.heartbeat = cmp.Or(o.seen.heartbeat, usualHeartbeat)
	seconds := min(max(int((5*o.heartbeat/2)/time.Second), leastSilence), mostSilence)

	var opened sync.WaitGroup
	defer opened.Wait()
	defer cancel()
	browsers, patients := newWatch(), newWatch()
	opened.Go(func() { l.open(ctx, browsers, nil, "Accept-Encoding", "gzip, deflate, br") })
	opened.Go(func() {
		l.open(ctx, patients, url.Values{"heartbeat": {strconv.Itoa(seconds)}}, "Accept-Encoding", "identity")
	})
	o.poll = l.ask(ctx, http.MethodGet, url.Values{"wait": {"1"}}, "Accept-Encoding", "gzip, deflate, br")
	for {
		o.browser, o.patient = browsers.now(), patients.now()
		if o.enough() || ctx.Err() != nil {
			return o.judge(), nil
		}
		wait.For(ctx, lookEvery)
	}
}

type look struct {
	Stream

	client *http.Client
	base   *url.URL
}

// answer is the head of a response.
type answer struct {
	err    error
	status int
	proto  string
	header http.Header
	text   string // the beginning of the body
	took   time.Duration
}

// ask sends a request whose answer ends by itself.
func (l *look) ask(ctx context.Context, method string, query url.Values, headers ...string) answer {
	ctx, cancel := context.WithTimeout(ctx, 2*firstByteLate)
	defer cancel()
	began := time.Now()
	resp, err := l.send(ctx, method, query, headers)
	if err != nil {
		return answer{err: err, took: time.Since(began)}
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, enoughText))
	return answer{err: err, status: resp.StatusCode, proto: resp.Proto, header: resp.Header, text: string(text), took: time.Since(began)}
}

func (l *look) send(ctx context.Context, method string, query url.Values, headers []string) (*http.Response, error) {
	to := *l.base
	q := to.Query()
	maps.Copy(q, query)
	if l.Channel != "" {
		q.Set("channel", l.Channel)
	}
	to.RawQuery = q.Encode()
	req, err := http.NewRequestWithContext(ctx, method, to.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "text/event-stream")
	if l.Token != "" {
		req.Header.Set("Authorization", "Bearer "+l.Token)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := l.client.Do(req)
	if where, ok := errors.AsType[*url.Error](err); ok {
		err = where.Err // without the address, which may hold a token
	}
	return resp, err
}
