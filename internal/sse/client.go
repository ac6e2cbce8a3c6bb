package sse

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/bellhop/bellhop/event"
)

// Client holds a stream and comes back with the id that it has, as a browser's
// EventSource does. Its methods are for one goroutine.
type Client struct {
	HTTP     *http.Client // default: http.DefaultClient
	Token    string       // empty: anonymous
	Channels []event.Channel
	NoInbox  bool
	// Wait makes the client ask for long polls of so many seconds, one for each call
	// of Connect. Zero: for streams.
	Wait int

	// LastID is the id that the client has got, and brings.
	LastID string
	// OnBlock is told of every block but comments, after LastID was set. It
	// may end the connection by returning false.
	OnBlock func(Block) bool
}

// ErrStatus is a refusal by status.
var ErrStatus = errors.New("stream refused")

// Connect opens the stream at a gateway's base URL and reads it until it ends,
// OnBlock says so, or ctx ends. It returns nil only for a proper end of the
// stream or of the client's own will.
func (c *Client) Connect(ctx context.Context, base string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	query := url.Values{}
	for _, ch := range c.Channels {
		query.Add("channel", string(ch))
	}
	if c.NoInbox {
		query.Set("inbox", "false")
	}
	if c.Wait > 0 {
		query.Set("wait", strconv.Itoa(c.Wait))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/v1/stream?"+query.Encode(), nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "text/event-stream")
	if c.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.Token)
	}
	if c.LastID != "" {
		req.Header.Set("Last-Event-ID", c.LastID)
	}
	resp, err := cmp.Or(c.HTTP, http.DefaultClient).Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, 1000))
		return fmt.Errorf("%w: %s: %s", ErrStatus, resp.Status, body)
	}
	return c.read(NewReader(resp.Body))
}

func (c *Client) read(r *Reader) error {
	for {
		b, err := r.Next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case b.Comment != "":
			continue
		}
		if b.ID != "" {
			c.LastID = b.ID
		}
		if c.OnBlock != nil && !c.OnBlock(b) {
			return nil
		}
	}
}
