package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	// maxAnswer bounds what is read of an answer, which is largest for 5,000
	// appends: some 150 bytes for each.
	maxAnswer = 4 << 20
	// maxRetryAfter is the longest request for patience that is understood; a
	// longer one is cut, and is past every sensible budget anyway.
	maxRetryAfter = time.Hour
)

// request is one request as it is sent again and again.
type request struct {
	method, path   string
	body           []byte
	idempotencyKey string // sent as a header; empty: none
}

// do sends a request once. An answer of the status want is decoded into out, if
// that is not nil, and its header returned; everything else is an Error.
func (c *Client) do(ctx context.Context, r request, want int, out any) (http.Header, *Error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, r.method, c.base+r.path, bytes.NewReader(r.body))
	if err != nil {
		return nil, &Error{Err: err, NotWritten: true}
	}
	req.Header.Set("Authorization", "Bearer "+c.key)
	req.Header.Set("User-Agent", "bellhop-client-go")
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.idempotencyKey != "" {
		req.Header.Set("Idempotency-Key", r.idempotencyKey)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, &Error{Err: err, NotWritten: neverSent(err)}
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err == nil && len(answer) > maxAnswer {
		err = errors.New("the answer is too long")
	}
	if resp.StatusCode != want {
		return nil, refused(resp, answer)
	}
	if err == nil && out != nil {
		err = json.Unmarshal(answer, out)
	}
	if err != nil {
		// The status said that it was carried out, but the answer is lost. As
		// with every lost answer, asking again brings it.
		return nil, &Error{Err: fmt.Errorf("read the answer: %w", err)}
	}
	return resp.Header, nil
}

// neverSent tells whether a failure came before a connection was there.
func neverSent(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// problem is the body of a refusal (RFC 9457).
type problem struct {
	Title   string       `json:"title"`
	Detail  string       `json:"detail"`
	Errors  []FieldError `json:"errors"`
	Written *bool        `json:"written"`
}

// refused makes an Error of an answer. One that is no problem comes from a proxy
// or from a server that is no notifier; its status has to do.
func refused(resp *http.Response, body []byte) *Error {
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/problem+json") {
		body = nil
	}
	e := refusal(resp.StatusCode, body)
	e.RequestID = resp.Header.Get("X-Request-ID")
	e.RetryAfter = parseRetryAfter(resp.Header.Get("Retry-After"), time.Now())
	return e
}

// refusal is the Error of a status and of the problem that came with it. What
// can't be read of that stays empty.
func refusal(status int, body []byte) *Error {
	var p problem
	_ = json.Unmarshal(body, &p) // a proxy may have answered: the status tells enough
	e := &Error{Status: status, Title: p.Title, Detail: p.Detail, Fields: p.Errors}
	// A refusal for good was judged before anything was written. Of the others
	// only the notifier's own word counts.
	e.NotWritten = status >= 400 && status < 500 && !e.Temporary() || p.Written != nil && !*p.Written
	return e
}

// parseRetryAfter reads seconds or a date (RFC 9110, section 10.2.3). What is
// neither, or past, is 0.
func parseRetryAfter(value string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(value, 10, 32); err == nil {
		return min(time.Duration(seconds)*time.Second, maxRetryAfter)
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return min(max(at.Sub(now), 0), maxRetryAfter)
}

// Waits between two attempts grow from firstWait to maxWait.
const (
	firstWait = 100 * time.Millisecond
	maxWait   = 5 * time.Second
)

// budget is what one call may spend on repeating itself.
type budget struct {
	deadline time.Time // no attempt begins after it
	wait     time.Duration
}

func (c *Client) newBudget() *budget {
	return &budget{deadline: time.Now().Add(c.retryFor), wait: firstWait}
}

// pause waits before the next attempt and reports whether there is to be one:
// not if ctx ends, or the time that it would begin at is past the budget. The
// wait is at least what the notifier asked for; beyond that it is random, because
// all services that met the same outage would come back at the same moment.
func (b *budget) pause(ctx context.Context, atLeast time.Duration) bool {
	wait := max(atLeast, 0) + b.wait/2 + rand.N(b.wait/2)
	b.wait = min(2*b.wait, maxWait)
	if time.Now().Add(wait).After(b.deadline) {
		return false
	}
	select {
	case <-time.After(wait):
		return true
	case <-ctx.Done():
		return false
	}
}

// again is do until it succeeds, can't succeed, or the budget is spent.
func (c *Client) again(ctx context.Context, r request, want int, out any) (http.Header, error) {
	b := c.newBudget()
	notWritten := true
	for attempts := 1; ; attempts++ {
		header, failure := c.do(ctx, r, want, out)
		if failure == nil {
			return header, nil
		}
		// The last answer speaks of its own attempt alone. One before it may have
		// been carried out, although nobody heard of it.
		notWritten = notWritten && failure.NotWritten
		failure.Attempts, failure.NotWritten, failure.IdempotencyKey = attempts, notWritten, r.idempotencyKey
		if !failure.Temporary() {
			return nil, failure
		}
		if ctx.Err() != nil || !b.pause(ctx, failure.RetryAfter) {
			failure.endedBy(ctx)
			return nil, failure
		}
	}
}
