package app

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/client"
	"github.com/bellhop/bellhop/cmd/internal/config"
	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/probe"
	"github.com/bellhop/bellhop/internal/server"
	"github.com/bellhop/bellhop/internal/sse"
	"github.com/bellhop/bellhop/internal/wait"
)

const (
	// deskTimeout bounds a call, and deskAnswer the bytes of its answer.
	deskTimeout = 30 * time.Second
	deskAnswer  = 64 << 20
)

// runDesk carries out a command of config.Desk; known is false if it is none. listen is
// where the program itself listens.
func runDesk(ctx context.Context, d *config.Desk, listen string, inv Invocation) (known bool, err error) {
	here := "http://" + probe.Address(listen)
	channel := func(name string) string { return "/v1/admin/channels/" + url.PathEscape(name) }
	show := func(path string, data bool, render func(io.Writer, []byte) error) (bool, error) {
		if data {
			path += "?data=true"
		}
		body, err := fetch(ctx, strings.TrimSuffix(cmp.Or(d.Show.URL, here), "/")+path, d.Show.AdminKey.Reveal())
		if err == nil && d.Show.JSON {
			_, err = inv.Stdout.Write(body)
		} else if err == nil {
			err = render(inv.Stdout, body)
		}
		return true, err
	}
	switch inv.Command {
	case "show fleet":
		return show("/v1/admin/fleet", false, printed(printFleet))
	case "show user":
		return show("/v1/admin/users/"+url.PathEscape(d.Show.User.Subject), false, printed(printUser))
	case "show channel":
		return show(channel(d.Show.Channel.Channel), d.Show.Channel.Data, printed(printChannel))
	case "show event":
		return show(channel(d.Show.Event.Channel)+"/events/"+strconv.FormatUint(d.Show.Event.Seq, 10), d.Show.Event.Data, printed(printStory))
	case "publish":
		return true, publishOne(ctx, d, here, inv.Stdout)
	case "listen":
		return true, listenOn(ctx, d, here, inv.Stdout)
	default:
		return false, nil
	}
}

// fetch asks for an address with a key.
func fetch(ctx context.Context, address, key string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, deskTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, deskAnswer))
	if err != nil || resp.StatusCode == http.StatusOK {
		return body, err
	}
	var problem server.Problem
	if json.Unmarshal(body, &problem) != nil {
		return nil, fmt.Errorf("%s answered %s", address, resp.Status)
	}
	for _, e := range problem.Errors {
		problem.Detail += "; " + e.Detail
	}
	return nil, fmt.Errorf("%s: %s", resp.Status, problem.Detail)
}

// publishOne is the command publish.
func publishOne(ctx context.Context, d *config.Desk, here string, out io.Writer) error {
	p := &d.Publish
	if !json.Valid([]byte(p.Data)) {
		return fmt.Errorf("the data is not JSON: %s (a text needs quotes: \"hello\")", p.Data)
	}
	c, err := client.New(client.Config{URL: cmp.Or(p.URL, here), Key: p.Key.Reveal()})
	if err != nil {
		return err
	}
	receipt, err := c.Publish(ctx, client.Event{
		Channels: p.Channel, Users: p.User, Type: p.Type, Data: json.RawMessage(p.Data), AskOnline: true,
	})
	if err != nil {
		return err
	}
	if p.JSON {
		return json.NewEncoder(out).Encode(receipt.Events)
	}
	t := newTable(out, "CHANNEL", "SEQ", "SOMEBODY LISTENS")
	for _, e := range receipt.Events {
		online := "not known"
		if e.Online != nil {
			online = yesNo(*e.Online)
		}
		seq := strconv.FormatUint(e.Seq, 10)
		if e.Muted {
			seq = "muted"
		}
		t.row(e.Channel, seq, online)
	}
	return t.Flush()
}

// listenOn is the command listen. It comes back after each end of the stream, until ctx
// ends or it is refused.
func listenOn(ctx context.Context, d *config.Desk, here string, out io.Writer) error {
	f := &d.Follow
	c := sse.Client{NoInbox: f.As == "", LastID: f.From}
	for _, name := range f.Channels {
		ch, err := event.ParseChannel(name)
		if err != nil {
			return err
		}
		c.Channels = append(c.Channels, ch)
	}
	var failed error
	retry := time.Second
	c.OnBlock = func(b sse.Block) bool {
		if b.Comment == "" {
			failed = printBlock(out, b, f.JSON)
		}
		retry = cmp.Or(b.Retry, retry)
		return failed == nil
	}
	for {
		if f.As != "" { // of an hour each, so that a stream may go on for longer
			token, err := auth.SignToken(f.TokenSecret.Reveal(), auth.Claims{Subject: f.As, IssuedAt: time.Now(), Expires: time.Now().Add(time.Hour)})
			if err != nil {
				return err
			}
			c.Token = token
		}
		err := c.Connect(ctx, strings.TrimSuffix(cmp.Or(f.GatewayURL, f.URL, here), "/"))
		if failed != nil || errors.Is(err, sse.ErrStatus) {
			return cmp.Or(failed, err)
		}
		if !wait.For(ctx, retry) {
			return nil
		}
	}
}

// printBlock prints what came as a line.
func printBlock(out io.Writer, b sse.Block, asJSON bool) error {
	kind := cmp.Or(b.Event, "message")
	if asJSON {
		data := json.RawMessage(b.Data)
		if !json.Valid(data) {
			data = nil
		}
		return json.NewEncoder(out).Encode(struct {
			Event string          `json:"event"`
			ID    string          `json:"id,omitempty"`
			Data  json.RawMessage `json:"data"`
		}{kind, b.ID, data})
	}
	var e struct {
		Channel string          `json:"channel"`
		Seq     uint64          `json:"seq"`
		Data    json.RawMessage `json:"data"`
	}
	if strings.HasPrefix(kind, "bellhop.") || json.Unmarshal([]byte(b.Data), &e) != nil {
		_, err := fmt.Fprintf(out, "%s  %s  %s\n", clock(time.Now()), kind, b.Data)
		return err
	}
	_, err := fmt.Fprintf(out, "%s  %s %d  %s  %s\n", clock(time.Now()), e.Channel, e.Seq, kind, e.Data)
	return err
}
