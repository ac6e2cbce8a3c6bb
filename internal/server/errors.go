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

// asProblem is what the client is told of an error that a handler returned.
// The second result is the cause to log, nil where the problem says it all. What breaks
// while a body is read is the client's doing, not a 500.
func asProblem(err error) (*Problem, error) {
	var p *Problem
	var refused *echo.HTTPError
	var over *http.MaxBytesError
	switch {
	case errors.As(err, &p):
		return p, p.cause
	case errors.As(err, &refused) && refused.Code != http.StatusInternalServerError:
		detail, _ := refused.Message.(string)
		if detail == http.StatusText(refused.Code) {
			detail = ""
		}
		return NewProblem(refused.Code, detail), nil
	case errors.As(err, &over):
		return tooLarge(over.Limit), nil
	case errors.Is(err, errBrokenBody) && errors.Is(err, os.ErrDeadlineExceeded):
		return NewProblem(http.StatusRequestTimeout, "the request body came too slowly"), nil
	case errors.Is(err, errBrokenBody):
		return NewProblem(http.StatusBadRequest, "the request body broke off"), nil
	case errors.Is(err, context.Canceled):
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
