package app

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/client"
	"github.com/bellhop/bellhop/cmd/internal/config"
	product "github.com/bellhop/bellhop/demo"
)

// demoTokenLife is how long the printed commands work: a week, so that a demo
// left open goes on.
const demoTokenLife = 7 * 24 * time.Hour

// addDemo puts the demo's product on the service's listener. It is put together as
// if it ran elsewhere: it publishes over HTTP, with a service key, and has a
// database of its own beside the log.
func (s *Service) addDemo(ctx context.Context, cfg *config.Bellhop, keys devKeys) error {
	transport := new(http.Transport)
	s.onClose(func() error { transport.CloseIdleConnections(); return nil })
	bell, err := client.New(client.Config{URL: s.URL(), Key: keys.Service, HTTPClient: &http.Client{Transport: transport}})
	if err != nil {
		return err
	}
	p, err := product.New(ctx, product.Config{
		Database: cfg.SQLite.SQLite + ".demo",
		Secret:   keys.Signing,
		Notifier: bell,
		Streams:  func(context.Context) (int, bool) { return s.gateway.Streams(), true },
		Logger:   s.log,
	})
	if err != nil {
		return err
	}
	s.onClose(p.Close)
	s.run = append(s.run, p.Run)
	// Paths of their own, and not a pattern for all: what nobody knows stays a
	// problem of the API.
	handler := echo.WrapHandler(p)
	for _, path := range p.Paths() {
		s.server.Echo.GET(path, handler)
		s.server.Echo.HEAD(path, handler)
	}
	s.server.Echo.Any("/api/*", handler)
	s.server.Echo.POST("/demo/token", handler)
	return nil
}

// sign makes a token of the demo, for a member of these channels.
func (k devKeys) sign(user string, channels ...string) (string, error) {
	now := time.Now()
	return auth.SignToken(k.Signing, auth.Claims{Subject: user, IssuedAt: now, Expires: now.Add(demoTokenLife), Channels: channels})
}

// greeting is what somebody sees who starts the demo: where to look, the keys, and
// two commands to paste. Without --no-buffer curl would hold events back.
const greeting = `
  Bellhop is at your service:  %[1]s
  Open it, choose a person, and let it open a second window for another person.

  Or in two terminals. Listen as user %[2]s:

    curl --no-buffer -H 'Authorization: Bearer %[3]s' %[1]s/v1/stream

  Send user %[2]s an event:

    curl -H 'Authorization: Bearer %[4]s' -H 'Content-Type: application/json' -d '{"channels":["user:%[2]s"],"type":"comment","data":{"post":7,"by":"mina"}}' %[1]s/v1/events

  Both commands use these keys. They were made for this database, and are in %[5]s:

    signing key   %[6]s
    service key   %[4]s

  To give them to your own programs, run this in any terminal, in this folder:

    eval "$(bin/bellhop env)"

`

// greet writes the greeting. It holds secrets, but only those of the demo, and only
// to who started it: never write it to a log.
func greet(w io.Writer, url, keyFile string, keys devKeys) error {
	token, err := keys.sign(demoUser)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, greeting, url, demoUser, token, keys.Service, keyFile, keys.Signing)
	return err
}

// sayGoodbye tells who pressed Ctrl-C why it takes a while.
func sayGoodbye(w io.Writer, streams int, within time.Duration) error {
	how := "."
	if streams > 0 {
		how = fmt.Sprintf(": open streams (%d) end one by one, within %s.", streams, within)
	}
	_, err := fmt.Fprintf(w, "\n  Stopping%s Ctrl-C again ends at once.\n\n", how)
	return err
}
