package client

import (
	"context"
	"net/http"
	"net/url"
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
	wire := eventJSON(it.event)
	wire.IdempotencyKey = ""
	body, err := encode(wire)
	if err != nil {
		return Receipt{}, err
	}
	r := request{
		method: http.MethodPost, path: "/v1/events" + query(e.AskOnline),
		body: body, idempotencyKey: it.event.IdempotencyKey,
	}
	var answer struct {
		Events []Position `json:"events"`
	}
	header, err := c.again(ctx, r, http.StatusCreated, &answer)
	if err != nil {
		return Receipt{}, err
	}
	return Receipt{Events: answer.Events, Replayed: header.Get("Idempotent-Replayed") == "true"}, nil
}

func query(online bool) string {
	if online {
		return "?online=true"
	}
	return ""
}

// Purge takes all events of a channel away for good; its seqs go on where they
// were. It needs a key with the admin right, and may be repeated.
func (c *Client) Purge(ctx context.Context, channel string) error {
	_, err := c.again(ctx, request{method: http.MethodDelete, path: "/v1/channels/" + url.PathEscape(channel)}, http.StatusNoContent, nil)
	return err
}

// Withdraw takes all events of a channel away that have a collapse key and were there
// when it began, from lists, counts, replays and open bells, and tells how many. It
// may be repeated. The channel must not be one that is kept in Redis.
func (c *Client) Withdraw(ctx context.Context, channel, collapseKey string) (removed int, err error) {
	var answer struct {
		Removed int `json:"removed"`
	}
	r := request{
		method: http.MethodDelete,
		path:   "/v1/channels/" + url.PathEscape(channel) + "/events?" + url.Values{"collapse_key": {collapseKey}}.Encode(),
	}
	_, err = c.again(ctx, r, http.StatusOK, &answer)
	return answer.Removed, err
}

// Disconnect ends all streams of a person within seconds and refuses their
// tokens that were issued up to this second, or do not say when. It needs a key
// with the admin right, and may be repeated. user is the subject of the tokens.
func (c *Client) Disconnect(ctx context.Context, user string) error {
	body, err := encode(map[string]string{"user": user})
	if err != nil {
		return err
	}
	_, err = c.again(ctx, request{method: http.MethodPost, path: "/v1/admin/disconnect", body: body}, http.StatusNoContent, nil)
	return err
}
