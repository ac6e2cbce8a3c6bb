package client

import (
	"context"
	"net/http"
	"net/url"
)

// Purge takes all events of a channel away for good; its seqs go on where they
// were. It needs a key with the admin right, and may be repeated.
func (c *Client) Purge(ctx context.Context, channel string) error {
	return c.admin(ctx, request{method: http.MethodDelete, path: "/v1/channels/" + url.PathEscape(channel)})
}

// Disconnect ends all streams of a person within seconds and refuses their
// tokens that were issued up to this second, or do not say when. It needs a key
// with the admin right, and may be repeated. user is the subject of the tokens.
func (c *Client) Disconnect(ctx context.Context, user string) error {
	body, err := encode(map[string]string{"user": user})
	if err != nil {
		return err
	}
	return c.admin(ctx, request{method: http.MethodPost, path: "/v1/admin/disconnect", body: body})
}

// admin sends what is the same however often it is done.
func (c *Client) admin(ctx context.Context, r request) error {
	return c.again(ctx, func(ctx context.Context) *Error {
		_, failure := c.do(ctx, r, http.StatusNoContent, nil)
		return failure
	})
}
