package app

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/server"
	"github.com/bellhop/bellhop/web"
)

const (
	// demoTokenLife is how long somebody stays signed in, and how long the
	// printed commands work: a week, so that a demo left open goes on.
	demoTokenLife = 7 * 24 * time.Hour
	// demoType is the type of the page's events.
	demoType = "note"
	// maxDemoText bounds a message, in bytes.
	maxDemoText = 2000
)

// demo is the page and what stands in for a product's own backend behind it: a
// sign-in that believes everybody, and a sender that has the service's key.
type demo struct {
	keys    devKeys
	keyFile string
	api     http.Handler // takes what the sender publishes
}

// greet tells who started the demo what to do with it.
func (d *demo) greet(s *Service, stdout io.Writer) error {
	token, err := d.sign(demoUser)
	if err != nil {
		return err
	}
	return greeting{url: s.URL(), keys: d.keys, keyFile: d.keyFile, user: demoUser, token: token}.writeTo(stdout)
}

// register adds the page and its two operations. They are of the page alone and
// stay out of the API's document.
func (d *demo) register(s *server.Server) {
	page := echo.WrapHandler(web.Handler())
	for _, path := range web.Paths() {
		s.Echo.GET(path, page)
	}
	own := sameOrigin()
	s.Echo.POST("/demo/token", d.token, own)
	s.Echo.POST("/demo/events", d.send, own)
}

// sameOrigin refuses what other sites' pages would post: the demo believes
// everybody who can reach it, and a browser on this machine can.
func sameOrigin() echo.MiddlewareFunc {
	protection := http.NewCrossOriginProtection()
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if err := protection.Check(c.Request()); err != nil {
				return server.NewProblem(http.StatusForbidden, "the demo answers its own page only")
			}
			return next(c)
		}
	}
}

type demoToken struct {
	Token string `json:"token"`
}

// token signs somebody in.
func (d *demo) token(c echo.Context) error {
	var in struct {
		User string `json:"user"`
	}
	if err := decodeJSON(c, &in); err != nil {
		return err
	}
	if _, err := event.Inbox(in.User); err != nil {
		return server.NewProblem(http.StatusUnprocessableEntity, "that is no name: "+err.Error())
	}
	token, err := d.sign(in.User)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, demoToken{token})
}

func (d *demo) sign(user string) (string, error) {
	now := time.Now()
	return auth.SignToken(d.keys.Signing, auth.Claims{Subject: user, IssuedAt: now, Expires: now.Add(demoTokenLife)})
}

// publication is the body of POST /v1/events.
type publication struct {
	Channels []string `json:"channels"`
	Type     string   `json:"type"`
	Data     any      `json:"data"`
}

type note struct {
	From string `json:"from"`
	Text string `json:"text"`
}

// send publishes a message to somebody's inbox, as a backend would: with a
// request to the API, whose answer goes to the page as it is.
func (d *demo) send(c echo.Context) error {
	var in struct {
		note
		To string `json:"to"`
	}
	if err := decodeJSON(c, &in); err != nil {
		return err
	}
	inbox, err := event.Inbox(in.To)
	if err != nil {
		return server.NewProblem(http.StatusUnprocessableEntity, "nobody has that name: "+err.Error())
	}
	if in.Text == "" || len(in.Text) > maxDemoText {
		return server.NewProblem(http.StatusUnprocessableEntity, fmt.Sprintf("a message has 1 to %d bytes", maxDemoText))
	}
	body, err := json.Marshal(publication{Channels: []string{string(inbox)}, Type: demoType, Data: in.note})
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(c.Request().Context(), http.MethodPost, "/v1/events", bytes.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer "+d.keys.Service)
	req.Header.Set("Content-Type", "application/json")
	req.RemoteAddr = c.Request().RemoteAddr
	d.api.ServeHTTP(c.Response(), req)
	return nil
}

// decodeJSON reads a request's body, which must be one JSON object.
func decodeJSON(c echo.Context, v any) error {
	decoder := json.NewDecoder(c.Request().Body)
	err := decoder.Decode(v)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return err
	case err != nil:
		return server.NewProblem(http.StatusBadRequest, "the body is not the JSON that was expected")
	}
	return nil
}
