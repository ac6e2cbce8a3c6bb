// Package client publishes events to Bellhop from a Go service:
//
//	bell, err := client.New(client.Config{URL: "http://127.0.0.1:8081", Key: os.Getenv("BELLHOP_KEY")})
//	...
//	_, err = bell.Publish(ctx, client.Event{
//		Channels: []string{"user:42"},
//		Type:     "comment",
//		Data:     map[string]any{"post": 7, "by": "mina"},
//	})
//
// A nil error means that the event is on disk and that everybody concerned gets
// it. What passes by itself (a broken connection, a full queue, a notifier that
// restarts) is repeated within a bounded time, always with the same idempotency
// key, so that an event is written once however often it was sent. Every other
// answer is an *Error that says why.
//
// Publish waits for the answer; a Queue does not, and collects what comes in
// meanwhile into batches. The package needs nothing but the standard library.
package client

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Defaults of Config.
const (
	DefaultTimeout  = 10 * time.Second
	DefaultRetryFor = 30 * time.Second
)

// Config says where the notifier is and how patient to be with it.
type Config struct {
	// URL is the address of the notifier, with a path before /v1 if a proxy
	// wants one: "http://127.0.0.1:8081". Required.
	URL string
	// Key is the secret of a service key, without the service's name. Required.
	Key string
	// HTTPClient sends the requests; nil stands for one with a transport of its
	// own. Redirects are not followed, whatever its CheckRedirect says: they
	// would turn a POST into a GET.
	HTTPClient *http.Client
	// Timeout bounds a single attempt, from dialling to the end of the answer.
	// Zero means DefaultTimeout. It should be longer than the notifier's own
	// wait for an event that is under way already, which is 5 s.
	Timeout time.Duration
	// RetryFor bounds a whole call: no attempt begins later than this after the
	// call did. Zero means DefaultRetryFor, a negative value a single attempt.
	// A call that must end sooner has a context with a deadline.
	RetryFor time.Duration
}

// Client speaks to one notifier, or to several behind one address. It is safe
// for concurrent use, holds no goroutine, and needs no closing. The zero value
// is not usable: see New.
type Client struct {
	base     string
	key      string
	http     *http.Client
	timeout  time.Duration
	retryFor time.Duration
}

// New checks the configuration. It sends nothing: a notifier that is away, or a
// key that it does not know, shows at the first call.
func New(c Config) (*Client, error) {
	u, err := url.Parse(c.URL)
	switch {
	case err != nil:
		return nil, fmt.Errorf("client: URL: %w", err)
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return nil, fmt.Errorf("client: URL: want http:// or https:// and a host, have %q", u.Redacted())
	case strings.ContainsAny(c.URL, "?#"): // also with nothing behind them: a path would be added there
		return nil, errors.New("client: URL: it must not have a query or a fragment")
	case c.Key == "" || strings.ContainsFunc(c.Key, notInHeader):
		return nil, errors.New("client: Key: want the secret of a service key, in printable ASCII")
	case c.Timeout < 0:
		return nil, errors.New("client: Timeout: it must not be negative")
	}
	// A copy, so that the caller's client keeps its own rules.
	var h http.Client
	if c.HTTPClient != nil {
		h = *c.HTTPClient
	} else {
		h.Transport = newTransport()
	}
	h.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Client{
		base:     strings.TrimRight(c.URL, "/"),
		key:      c.Key,
		http:     &h,
		timeout:  cmp.Or(c.Timeout, DefaultTimeout),
		retryFor: cmp.Or(c.RetryFor, DefaultRetryFor),
	}, nil
}

// maxIdle is how many connections are kept for the next calls. The default of
// net/http, two for a host, would have a busy service dial all the time.
const maxIdle = 32

func newTransport() http.RoundTripper {
	t, ok := http.DefaultTransport.(*http.Transport)
	if !ok { // somebody put a transport of their own there, for everybody
		return http.DefaultTransport
	}
	t = t.Clone()
	t.MaxIdleConnsPerHost = maxIdle
	return t
}

// notInHeader tells whether a character can't stand in a header as it is.
func notInHeader(r rune) bool { return r <= ' ' || r > '~' }
