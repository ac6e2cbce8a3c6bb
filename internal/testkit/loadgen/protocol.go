package loadgen

import (
	"fmt"
	"net/url"
	"time"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/event"
)

// Population is what the clients of all workers are.
type Population struct {
	// Gateways are base URLs; clients take them in turn.
	Gateways []string `json:"gateways"`
	// Inbox: each client is a person of its own and listens to its inbox.
	Inbox bool `json:"inbox"`
	// Shared are channels that every client listens to. Without Inbox they must
	// be public.
	Shared []string `json:"shared"`
	// Secret signs the clients' tokens (HS256).
	Secret string `json:"secret"`
	// Sources is how many addresses of 127.0.0.0/8 clients connect from, for
	// gateways on this machine: an address has some 28,000 ports towards one
	// listener. Zero: the kernel chooses.
	Sources int `json:"sources"`
	// Window is how many connects a worker has under way. Default: 256.
	Window int `json:"window"`
}

// Inbox names the inbox of a client.
func Inbox(client int) string { return event.InboxNamespace + ":" + subject(client) }

func subject(client int) string { return fmt.Sprintf("load-%d", client) }

// channels are a client's, as its stream has them.
func (p *Population) channels(client int) []string {
	if !p.Inbox {
		return p.Shared
	}
	return append([]string{Inbox(client)}, p.Shared...)
}

// token is a client's, which it keeps as long as it lives.
func (p *Population) token(client int) (string, error) {
	if !p.Inbox {
		return "", nil
	}
	return auth.SignToken(p.Secret, auth.Claims{Subject: subject(client), Expires: time.Now().Add(12 * time.Hour)})
}

// request is what a client sends to open its stream.
func (p *Population) request(host, token, lastID string) []byte {
	query := url.Values{"channel": p.Shared}
	if !p.Inbox {
		query.Set("inbox", "false")
	}
	b := fmt.Appendf(nil, "GET /v1/stream?%s HTTP/1.1\r\nHost: %s\r\nAccept: text/event-stream\r\n", query.Encode(), host)
	if token != "" {
		b = fmt.Appendf(b, "Authorization: Bearer %s\r\n", token)
	}
	if lastID != "" {
		b = fmt.Appendf(b, "Last-Event-ID: %s\r\n", lastID)
	}
	return append(b, "\r\n"...)
}

// Order is what a worker is told, one JSON value a line.
type Order struct {
	Do verb `json:"do"`
	// Population and First come with begin: the worker's clients are First and
	// those after it.
	Population *Population `json:"population,omitempty"`
	First      int         `json:"first,omitempty"`
	// Streams comes with hold, and how many connects are begun in a second; no Rate:
	// as many as the population's window lets through.
	Streams int     `json:"streams,omitempty"`
	Rate    float64 `json:"rate,omitempty"`
}

type verb string

const (
	begin  verb = "begin"
	hold   verb = "hold"   // have that many streams open
	cut    verb = "cut"    // break all connections at once; they come back and resume
	leave  verb = "leave"  // the same, but they come back with the next hold
	report verb = "report" // answer with a Report
	fresh  verb = "fresh"  // forget latencies and the times of joins
)

// Report is a worker's answer.
type Report struct {
	Open      int           `json:"open"`  // connected
	Ready     int           `json:"ready"` // and told that they are live
	Counts    Counts        `json:"counts"`
	Latencies Latencies     `json:"latencies"`
	Joins     Histogram     `json:"joins"` // from connect to ready
	CPU       time.Duration `json:"cpu"`   // of the worker's process
	Error     string        `json:"error,omitempty"`
}

// Add adds another worker's report.
func (r *Report) Add(o Report) {
	r.Open += o.Open
	r.Ready += o.Ready
	r.Counts.Add(o.Counts)
	r.Latencies.Post.Merge(o.Latencies.Post)
	r.Latencies.Append.Merge(o.Latencies.Append)
	r.Joins.Merge(o.Joins)
	r.CPU += o.CPU
	if r.Error == "" {
		r.Error = o.Error
	}
}
