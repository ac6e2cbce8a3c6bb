package client

import (
	"context"
	"net/http"
)

// Publish publishes one event and returns once it is on disk. It repeats what
// passes by itself until ctx ends or Config.RetryFor is over. Every error is an
// *Error, but for that of an event which can't be sent at all: its data or time
// can't be encoded, or its idempotency key (ErrInvalid) is none.
func (c *Client) Publish(ctx context.Context, e Event) (Receipt, error) {
	it, err := prepare(e)
	if err != nil {
		return Receipt{}, err
	}
	body, err := encode(it.wire())
	if err != nil {
		return Receipt{}, err
	}
	r := request{
		method: http.MethodPost, path: "/v1/events" + query(e.AskOnline),
		body: body, idempotencyKey: it.event.IdempotencyKey,
	}
	var receipt Receipt
	err = c.again(ctx, func(ctx context.Context) *Error {
		var answer struct {
			Events []Position `json:"events"`
		}
		header, failure := c.do(ctx, r, http.StatusCreated, &answer)
		if failure == nil {
			receipt = Receipt{Events: answer.Events, Replayed: header.Get("Idempotent-Replayed") == "true"}
		}
		return failure
	})
	return receipt, err
}

func query(online bool) string {
	if online {
		return "?online=true"
	}
	return ""
}
