package server

import (
	"bytes"
	"encoding/json"
	"maps"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// ProblemType is the media type of every refusal (RFC 9457).
const ProblemType = "application/problem+json"

// Problem is a refusal: an error that knows its status, and the body that tells
// the client why (RFC 9457). A handler of huma and one of echo alike returns it
// as its error; outside of both, Write sends it.
//
// A problem belongs to one request: the methods that add to it change it.
type Problem struct { //nolint:errname // that is what RFC 9457 calls it
	Title  string       `json:"title" doc:"The kind of problem; the same for every problem with this status." example:"Unprocessable Entity"`
	Status int          `json:"status" doc:"The HTTP status." example:"422"`
	Detail string       `json:"detail,omitempty" doc:"What is wrong with this request, for people."`
	Errors []FieldError `json:"errors,omitempty" doc:"The parts of the request that break a rule."`

	members map[string]any
	header  http.Header
	cause   error
}

// FieldError is one part of a request that breaks a rule.
type FieldError struct {
	Location string `json:"location,omitempty" doc:"The part of the request, such as body.events[3].type or query.limit."`
	Detail   string `json:"detail" doc:"Which rule it breaks."`
}

// NewProblem makes a problem. The detail is for people and reaches the client
// as it is: no addresses, no queries, no secrets. A 401 carries the challenge
// that RFC 9110 (section 11.6.1) demands of it.
func NewProblem(status int, detail string, errs ...FieldError) *Problem {
	p := &Problem{Title: http.StatusText(status), Status: status, Detail: detail, Errors: errs}
	if status == http.StatusUnauthorized {
		return p.SetHeader("WWW-Authenticate", "Bearer")
	}
	return p
}

// With adds a member to the body, such as "written": false, and returns p. The
// members that RFC 9457 names can't be replaced this way.
func (p *Problem) With(member string, value any) *Problem {
	if p.members == nil {
		p.members = make(map[string]any)
	}
	p.members[member] = value
	return p
}

// SetHeader sets a header of the response and returns p.
func (p *Problem) SetHeader(name, value string) *Problem {
	if p.header == nil {
		p.header = make(http.Header)
	}
	p.header.Set(name, value)
	return p
}

// RetryAfter tells the client when to try again, in whole seconds, rounded up
// and at least one, and returns p.
func (p *Problem) RetryAfter(d time.Duration) *Problem {
	seconds := max(1, int(math.Ceil(d.Seconds())))
	return p.SetHeader("Retry-After", strconv.Itoa(seconds))
}

// Because keeps the cause for the access log, which clients never see, and
// returns p. errors.Is and errors.As find it.
func (p *Problem) Because(cause error) *Problem {
	p.cause = cause
	return p
}

// Unwrap is the cause, or nil.
func (p *Problem) Unwrap() error { return p.cause }

// Error is the problem in one line.
func (p *Problem) Error() string {
	if p.Detail == "" {
		return p.Title
	}
	return p.Title + ": " + p.Detail
}

// GetStatus makes a Problem a huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders makes a Problem a huma.HeadersError.
func (p *Problem) GetHeaders() http.Header { return p.header }

// ContentType makes a Problem a huma.ContentTypeFilter.
func (p *Problem) ContentType(string) string { return ProblemType }

// TransformSchema tells the OpenAPI document that a problem may have more
// members than those of every problem.
func (p *Problem) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	s.AdditionalProperties = true
	return s
}

// MarshalJSON writes the standard members and those of With.
func (p *Problem) MarshalJSON() ([]byte, error) {
	body := make(map[string]any, len(p.members)+4)
	maps.Copy(body, p.members)
	body["title"], body["status"] = p.Title, p.Status
	if p.Detail != "" {
		body["detail"] = p.Detail
	}
	if len(p.Errors) > 0 {
		body["errors"] = p.Errors
	}
	return plainJSON(body)
}

// plainJSON is JSON in a line of its own, for readers who are people: "&" stands as it
// is, since no browser takes a problem for a page.
func plainJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return b.Bytes(), err
}

// Write sends the problem as the whole response. A HEAD request gets the head
// alone; an error means that the client is gone.
func (p *Problem) Write(w http.ResponseWriter, r *http.Request) error {
	body, err := plainJSON(p)
	if err != nil { // a member of With that JSON can't express
		return err
	}
	h := w.Header()
	maps.Copy(h, p.header)
	h.Set("Content-Type", ProblemType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(p.Status)
	if r.Method == http.MethodHead {
		return nil
	}
	_, err = w.Write(body)
	return err
}

var (
	_ huma.StatusError       = (*Problem)(nil)
	_ huma.HeadersError      = (*Problem)(nil)
	_ huma.ContentTypeFilter = (*Problem)(nil)
	_ huma.SchemaTransformer = (*Problem)(nil)
)
