package client

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// What went wrong, for errors.Is. They are kinds of *Error; one error may be of
// several.
var (
	// ErrInvalid: the request breaks a rule (400, 415, 422). Repeating it is of
	// no use; Error.Fields says what is wrong.
	ErrInvalid = errors.New("client: the request breaks a rule")
	// ErrUnauthorized: the notifier does not know the key (401).
	ErrUnauthorized = errors.New("client: the service key is not accepted")
	// ErrForbidden: the key does not reach that far (403).
	ErrForbidden = errors.New("client: the service key does not allow this")
	// ErrTooLarge: the data or the request is too large (413).
	ErrTooLarge = errors.New("client: too large")
	// ErrRateLimited: the service sends more than it may (429).
	ErrRateLimited = errors.New("client: too many requests")
	// ErrUnavailable: no notifier answered, or it could not write (408, 409, 5xx
	// and all failures of the network).
	ErrUnavailable = errors.New("client: the notifier is not available")
)

// Error is why a call failed after all its attempts. The last attempt's answer
// is what it tells of.
type Error struct {
	// Status is the HTTP status; 0 if no answer came.
	Status int
	// Title and Detail are the notifier's words (RFC 9457); empty if something
	// else answered, such as a proxy.
	Title, Detail string
	// Fields are the parts of the request that break a rule.
	Fields []FieldError
	// RequestID finds the answer in the notifier's log.
	RequestID string
	// RetryAfter is how long the notifier asked to be left alone; 0 if it did not.
	RetryAfter time.Duration
	// NotWritten tells that the event was certainly not written by any attempt.
	// Where it is false, nobody knows: publish the event again with the same
	// IdempotencyKey.
	NotWritten bool
	// IdempotencyKey is the event's, also where it was made up. Empty for calls
	// that publish nothing.
	IdempotencyKey string
	// Attempts is how often the request was sent, or tried to be.
	Attempts int
	// Err is the failure of the network, or the end of the context that kept the
	// request from being repeated; else nil.
	Err error
}

// FieldError is one part of a request that breaks a rule.
type FieldError struct {
	Location string `json:"location"` // such as "body.channels[3]"
	Detail   string `json:"detail"`
}

// Error is the failure in one line. It never holds the key.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("bellhop: ")
	if e.Status != 0 {
		fmt.Fprintf(&b, "%d %s", e.Status, cmp.Or(e.Detail, http.StatusText(e.Status), "unknown status"))
	}
	for _, f := range e.Fields {
		fmt.Fprintf(&b, "; %s: %s", f.Location, f.Detail)
	}
	if e.Err != nil {
		if e.Status != 0 {
			b.WriteString("; ")
		}
		b.WriteString(e.Err.Error())
	}
	if e.Attempts > 1 {
		fmt.Fprintf(&b, " (after %d attempts)", e.Attempts)
	}
	return b.String()
}

// Unwrap is Err.
func (e *Error) Unwrap() error { return e.Err }

// Is tells whether target is the kind of e.
func (e *Error) Is(target error) bool {
	switch target {
	case ErrInvalid:
		return e.Status == http.StatusBadRequest || e.Status == http.StatusUnsupportedMediaType || e.Status == http.StatusUnprocessableEntity
	case ErrUnauthorized:
		return e.Status == http.StatusUnauthorized
	case ErrForbidden:
		return e.Status == http.StatusForbidden
	case ErrTooLarge:
		return e.Status == http.StatusRequestEntityTooLarge
	case ErrRateLimited:
		return e.Status == http.StatusTooManyRequests
	case ErrUnavailable:
		return e.Temporary() && e.Status != http.StatusTooManyRequests
	}
	return false
}

// Temporary tells whether the same request may succeed later.
func (e *Error) Temporary() bool {
	switch e.Status {
	case 0,
		http.StatusRequestTimeout,
		http.StatusConflict, // an earlier attempt with this key is still under way
		http.StatusTooManyRequests:
		return true
	}
	return e.Status >= 500 // 500 too: it says nothing of the event, which must not be lost
}

// endedBy notes that ctx has ended, if so, in an answer that would else say
// nothing of it.
func (e *Error) endedBy(ctx context.Context) { e.Err = cmp.Or(e.Err, ctx.Err()) }
