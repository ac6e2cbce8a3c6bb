package notifier

import (
	"errors"
	"net/http"
	"time"

	"github.com/bellhop/bellhop/internal/server"
	"github.com/bellhop/bellhop/store"
)

// retryAfter is when a publisher should come again: an outage of the log that
// is shorter is over by then, and a longer one is not made worse.
const retryAfter = time.Second

// refusal is what a publisher is told of an error of an append. It promises
// "written": false only where that is certain.
func refusal(err error) *server.Problem {
	var p *server.Problem
	switch {
	case errors.Is(err, ErrBusy):
		p = server.NewProblem(http.StatusServiceUnavailable, "too many events wait to be written").RetryAfter(retryAfter).With("written", false)
	case errors.Is(err, ErrShare):
		p = server.NewProblem(http.StatusServiceUnavailable, "too many events of this service wait to be written").RetryAfter(retryAfter).With("written", false)
	case errors.Is(err, ErrStopped):
		p = server.NewProblem(http.StatusServiceUnavailable, "this notifier stops").RetryAfter(retryAfter).With("written", false)
	case errors.Is(err, errBehind):
		p = server.NewProblem(http.StatusServiceUnavailable, "an earlier event was not written").RetryAfter(retryAfter).With("written", false)
	case errors.Is(err, store.ErrKeyBusy):
		p = server.NewProblem(http.StatusConflict, "a request with this idempotency key is under way").RetryAfter(retryAfter)
	case errors.Is(err, store.ErrKeyBody):
		p = server.NewProblem(http.StatusUnprocessableEntity, "this idempotency key was used with another event")
	case errors.Is(err, store.ErrNotWritten) && !errors.Is(err, store.ErrUnavailable):
		// The log refused this event for itself, which the checks above it
		// should have done: repeating it would not help.
		p = server.NewProblem(http.StatusInternalServerError, "the log did not take the event").With("written", false)
	case errors.Is(err, store.ErrNotWritten):
		p = server.NewProblem(http.StatusServiceUnavailable, "the log is away").RetryAfter(retryAfter).With("written", false)
	default:
		p = server.NewProblem(http.StatusServiceUnavailable,
			"it is not known whether the event was written; repeat it with the same Idempotency-Key").RetryAfter(retryAfter)
	}
	return p
}

// undone is what an administrator is told of a call that failed. It may have been
// carried out in part, and is harmless to repeat.
func undone(err error) *server.Problem {
	return server.NewProblem(http.StatusServiceUnavailable, "not all of it is known to be done; repeat the request").
		RetryAfter(retryAfter).Because(err)
}

// brokenRules refuses a request that is well-formed but breaks rules.
func brokenRules(fields []server.FieldError) *server.Problem {
	return server.NewProblem(http.StatusUnprocessableEntity, "the request breaks a rule", fields...)
}

func brokenRule(location, detail string) *server.Problem {
	return brokenRules([]server.FieldError{{Location: location, Detail: detail}})
}

// unreadable refuses a body that checkJSON, decodeObject or decodeArray refused.
func unreadable(err error, location string) *server.Problem {
	if errors.Is(err, errKind) {
		return brokenRule(location, err.Error())
	}
	return server.NewProblem(http.StatusBadRequest, err.Error())
}
