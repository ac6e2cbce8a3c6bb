package server

import (
	"context"
	"errors"
	"net/http"
	"os"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"
	"github.com/labstack/echo/v4"
)

// causeKey is where the cause of a refusal waits for the access log.
const causeKey = "bellhop.cause"

// init replaces huma's error model for the whole process. Huma offers no other
// way; nothing else in this program makes huma errors of its own.
func init() { //nolint:gochecknoinits // see above
	huma.NewError = func(status int, msg string, errs ...error) huma.StatusError {
		return fromHuma(status, msg, errs)
	}
}

// fromHuma turns what huma found into a problem. Huma would repeat the refused
// value, up to the whole body, and the text of an internal error: neither goes
// out.
func fromHuma(status int, msg string, errs []error) *Problem {
	if err := errors.Join(errs...); status == http.StatusInternalServerError && err != nil {
		p, cause := asProblem(err)
		return p.Because(cause)
	}
	var fields []FieldError
	for _, err := range errs {
		switch d, ok := err.(huma.ErrorDetailer); {
		case err == nil:
		case ok:
			e := d.ErrorDetail()
			fields = append(fields, FieldError{Location: e.Location, Detail: e.Message})
		default:
			fields = append(fields, FieldError{Detail: err.Error()})
		}
	}
	return NewProblem(status, msg, fields...)
}

// keepCause is a huma transformer that changes nothing: it sees the problem that
// a handler returned and lays its cause where the access log finds it.
func keepCause(ctx huma.Context, _ string, v any) (any, error) {
	if p, ok := v.(*Problem); ok && p.cause != nil {
		humaecho.Unwrap(ctx).Set(causeKey, p.cause)
	}
	return v, nil
}

// bodyProblem recognises the errors of a request body that could not be read:
// over the listener's limit, too slow, or broken off. It is nil for others.
func bodyProblem(err error) *Problem {
	over, ok := errors.AsType[*http.MaxBytesError](err)
	switch {
	case ok:
		return tooLarge(over.Limit)
	case errors.Is(err, errBrokenBody) && errors.Is(err, os.ErrDeadlineExceeded):
		return NewProblem(http.StatusRequestTimeout, "the request body came too slowly")
	case errors.Is(err, errBrokenBody):
		return NewProblem(http.StatusBadRequest, "the request body broke off")
	}
	return nil
}

// asProblem is what the client is told of an error that a handler returned.
// The second result is the cause to log, nil where the problem says it all.
func asProblem(err error) (*Problem, error) {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p, p.cause
	}
	if he, ok := errors.AsType[*echo.HTTPError](err); ok && he.Code != http.StatusInternalServerError {
		detail, _ := he.Message.(string)
		if detail == http.StatusText(he.Code) {
			detail = ""
		}
		return NewProblem(he.Code, detail), nil
	}
	return failure(err)
}

// failure is what the client is told of an error that nobody made a problem of,
// and the cause to log. What breaks while a body is read is the client's doing,
// not a 500.
func failure(err error) (*Problem, error) {
	if p := bodyProblem(err); p != nil {
		return p, nil
	}
	if errors.Is(err, context.Canceled) {
		// The client left or the process stops; nobody reads the answer, but a
		// log without false alarms is worth a status of its own.
		return NewProblem(http.StatusServiceUnavailable, "the request was given up"), nil
	}
	return NewProblem(http.StatusInternalServerError, ""), err
}

// handleError is echo's error handler.
func handleError(err error, c echo.Context) {
	p, cause := asProblem(err)
	if cause != nil {
		c.Set(causeKey, cause)
	}
	if c.Response().Committed {
		return
	}
	if err := p.Write(c.Response(), c.Request()); err != nil && c.Get(causeKey) == nil {
		c.Set(causeKey, err)
	}
}
