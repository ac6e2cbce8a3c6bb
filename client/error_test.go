package client_test

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/client"
)

// once is a client that does not repeat anything.
func once(c *client.Config) { c.RetryFor = -1 }

// errNoKind is none of the package's.
var errNoKind = errors.New("a status of no kind")

func TestEveryStatusHasItsKind(t *testing.T) {
	t.Parallel()
	kinds := []error{
		client.ErrInvalid, client.ErrUnauthorized, client.ErrForbidden, client.ErrTooLarge,
		client.ErrRateLimited, client.ErrUnavailable,
	}
	for code, want := range map[int]error{
		400: client.ErrInvalid, 415: client.ErrInvalid, 422: client.ErrInvalid,
		401: client.ErrUnauthorized, 403: client.ErrForbidden, 413: client.ErrTooLarge, 429: client.ErrRateLimited,
		408: client.ErrUnavailable, 409: client.ErrUnavailable,
		500: client.ErrUnavailable, 502: client.ErrUnavailable, 503: client.ErrUnavailable, 504: client.ErrUnavailable,
		404: errNoKind,
	} {
		_, err := newClient(t, inTurn(status(code, `{}`)), once).Publish(t.Context(), event("hi"))
		require.Error(t, err)
		for _, kind := range kinds {
			require.Equal(t, errors.Is(want, kind), errors.Is(err, kind), "%d is %v", code, kind)
		}
	}
}

func TestErrorTellsWhatTheNotifierSaid(t *testing.T) {
	t.Parallel()
	f := inTurn(status(422, `{"title":"Unprocessable Entity","status":422,"detail":"the request breaks a rule",`+
		`"errors":[{"location":"body.channels[0]","detail":"there is no namespace \"usr\""}]}`, "X-Request-Id", "r1"))
	_, err := newClient(t, f).Publish(t.Context(), client.Event{Channels: []string{"usr:1"}, Type: "hi", IdempotencyKey: "k"})
	var refusal *client.Error
	require.ErrorAs(t, err, &refusal)
	require.Equal(t, &client.Error{
		Status: 422, Title: "Unprocessable Entity", Detail: "the request breaks a rule",
		Fields:    []client.FieldError{{Location: "body.channels[0]", Detail: `there is no namespace "usr"`}},
		RequestID: "r1", NotWritten: true, IdempotencyKey: "k", Attempts: 1,
	}, refusal)
	require.EqualError(t, err, `bellhop: 422 the request breaks a rule; body.channels[0]: there is no namespace "usr"`)
	require.Len(t, f.record(), 1, "what can't succeed is not repeated")
}

// TestAnswerOfAProxyIsAnErrorToo: its page is not read for one of ours.
func TestAnswerOfAProxyIsAnErrorToo(t *testing.T) {
	t.Parallel()
	f := inTurn(status(502, `<html>{"detail":"x"}`, "Content-Type", "text/html"))
	_, err := newClient(t, f, once).Publish(t.Context(), event("hi"))
	require.EqualError(t, err, "bellhop: 502 Bad Gateway")
	var refusal *client.Error
	require.ErrorAs(t, err, &refusal)
	require.False(t, refusal.NotWritten, "what stood behind the proxy may have written it")
}

func TestErrorNeverTellsTheKey(t *testing.T) {
	t.Parallel()
	f := inTurn(broken(io.ErrUnexpectedEOF))
	_, err := newClient(t, f, once).Publish(t.Context(), event("hi"))
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.ErrorIs(t, err, client.ErrUnavailable)
	require.NotContains(t, err.Error(), "secret")
}

// TestNotWrittenIsSaidOnlyWhereItIsCertain of all attempts, not of the last.
func TestNotWrittenIsSaidOnlyWhereItIsCertain(t *testing.T) {
	t.Parallel()
	full := status(503, `{"written":false}`)
	dial := broken(&net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")})
	for _, tt := range []struct {
		name    string
		answers *fake
		want    bool
	}{
		{"the queue is full", inTurn(full), true},
		{"nobody listens", inTurn(dial), true},
		{"nobody listens, then the queue is full", inTurn(dial, full), true},
		{"not known", inTurn(status(503, `{}`)), false},
		{"lost answer, then a full queue", inTurn(broken(io.EOF), full), false},
		{"under way", inTurn(status(409, `{}`)), false},
		{"half an answer", inTurn(status(201, `{"events":[`)), false},
		{"endless answer", inTurn(status(201, `"`+strings.Repeat("x", 5<<20))), false},
		{"no rights", inTurn(status(403, `{}`)), true},
	} {
		c := newClient(t, tt.answers, func(c *client.Config) { c.RetryFor = 300 * time.Millisecond })
		_, err := c.Publish(t.Context(), event("hi"))
		var refusal *client.Error
		require.ErrorAs(t, err, &refusal, tt.name)
		require.Equal(t, tt.want, refusal.NotWritten, tt.name)
		require.NotEmpty(t, refusal.IdempotencyKey, tt.name)
	}
}
