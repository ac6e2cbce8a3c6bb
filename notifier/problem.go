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
	later := func(detail string) *server.Problem {
		return server.NewProblem(http.StatusServiceUnavailable, detail).RetryAfter(retryAfter)
	}
	switch {
	case errors.Is(err, ErrBusy):
		return later("too many events wait to be written").With("written", false)
	case errors.Is(err, ErrShare):
		return later("too many events of this service wait to be written").With("written", false)
	case errors.Is(err, ErrStopped):
		return later("this notifier stops").With("written", false)
	case errors.Is(err, errBehind):
		return later("an earlier event was not written").With("written", false)
	case errors.Is(err, store.ErrKeyBusy):
		return server.NewProblem(http.StatusConflict, "a request with this idempotency key is under way").RetryAfter(retryAfter)
	case errors.Is(err, store.ErrKeyBody):
		return server.NewProblem(http.StatusUnprocessableEntity, "this idempotency key was used with another event")
	case errors.Is(err, store.ErrNotWritten) && !errors.Is(err, store.ErrUnavailable):
		// The log refused this event for itself, which the checks above it
		// should have done: repeating it would not help.
		return server.NewProblem(http.StatusInternalServerError, "the log did not take the event").With("written", false)
	case errors.Is(err, store.ErrNotWritten):
		return later("the log is away").With("written", false)
	}
	return later("it is not known whether the event was written; repeat it with the same Idempotency-Key")
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
