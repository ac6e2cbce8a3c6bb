package auth

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/MicahParks/keyfunc/v3"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/time/rate"
)

// JWKSConfig says where an issuer publishes its keys (RFC 7517).
type JWKSConfig struct {
	// URL of the key set; https, or http on this machine. Required.
	URL string
	// Refresh is how often the set is read again. Default: 5 min.
	Refresh time.Duration
	// Retry is how often, at most, a token of an unknown key has the set read
	// out of turn, and how often it is tried until the first set is there.
	// Default: 10 s.
	Retry time.Duration
	// RootCAs certify the issuer's server. Default: the system's.
	RootCAs *x509.CertPool
	// Logger hears of failures. Default: slog.Default().
	Logger *slog.Logger
}

// Bounds of one reading of a key set.
const (
	jwksTimeout  = 2 * time.Second
	jwksMaxBytes = 1 << 20
	jwksRefresh  = 5 * time.Minute
	jwksRetry    = 10 * time.Second
	maxKeyID     = 256
)

// JWKS is an issuer's key set. It is kept in memory and read again in the
// background; while the issuer is away, or answers with anything but keys, the
// last ones stay good. It is safe for concurrent use.
type JWKS struct {
	keys keyfunc.Keyfunc
	stop context.CancelFunc
	done sync.WaitGroup
}

// OpenJWKS reads a key set and keeps it up to date until Close. An issuer that is
// away is no error: no token can be judged by the set until it is back (Ready). It
// waits for the first answer, two seconds at most.
func OpenJWKS(cfg JWKSConfig) (*JWKS, error) {
	if err := CheckJWKSURL(cfg.URL); err != nil {
		return nil, err
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	transport := &http.Transport{
		Proxy:           http.ProxyFromEnvironment,
		TLSClientConfig: &tls.Config{RootCAs: cfg.RootCAs, MinVersion: tls.VersionTLS12},
		// One request in minutes needs no connection in between.
		DisableKeepAlives: true,
	}
	client := &http.Client{
		Transport: onlyKeySets{transport},
		// A redirect could lead from https to http.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	retry := orDefault(cfg.Retry, jwksRetry)
	ctx, cancel := context.WithCancel(context.Background())
	keys, err := keyfunc.NewDefaultOverrideCtx(ctx, []string{cfg.URL}, keyfunc.Override{
		Client:          client,
		HTTPTimeout:     jwksTimeout,
		RefreshInterval: orDefault(cfg.Refresh, jwksRefresh),
		// A made-up key id must not make the issuer a target, nor have requests
		// wait: one of them may ask, the others are refused at once.
		RefreshUnknownKID: rate.NewLimiter(rate.Every(retry), 1),
		RateLimitWaitMax:  jwksTimeout,
		RefreshErrorHandlerFunc: func(string) func(context.Context, error) {
			return func(ctx context.Context, err error) {
				if ctx.Err() == nil || errors.Is(ctx.Err(), context.DeadlineExceeded) {
					cfg.Logger.Warn("the issuer's keys can't be read; the last ones stay good", "error", err)
				}
			}
		},
	})
	if err != nil {
		cancel()
		return nil, fmt.Errorf("%w: %w", ErrTokenKey, err)
	}
	s := &JWKS{keys: keys, stop: cancel}
	if s.Ready(ctx) != nil {
		s.done.Go(func() { s.await(ctx, retry) })
	}
	return s, nil
}

// ErrKeysUnread is the answer while no key set was read: it is not known yet which
// tokens are good.
var ErrKeysUnread = errors.New("the issuer's keys were not read yet")

// Ready tells whether a set was read: nil, or ErrKeysUnread. It does not block.
func (s *JWKS) Ready(ctx context.Context) error {
	if keys, err := s.keys.Storage().KeyReadAll(ctx); err != nil || len(keys) == 0 {
		return ErrKeysUnread
	}
	return nil
}

// await tries until the first set is there: a token of an unknown key would have it
// read as well, but not every token names its key.
func (s *JWKS) await(ctx context.Context, every time.Duration) {
	again := time.NewTicker(every)
	defer again.Stop()
	for s.Ready(ctx) != nil {
		select {
		case <-again.C:
			// An unknown key is what has the library read the set. Failures it has
			// reported.
			_, _ = s.keys.Storage().KeyRead(ctx, "")
		case <-ctx.Done():
			return
		}
	}
}

// Close ends the reading in the background. The keys stay as they are. It may be
// called more than once.
func (s *JWKS) Close() error {
	s.stop()
	s.done.Wait()
	return nil
}

// CheckJWKSURL refuses an address that a key set can't be trusted from. Its error
// wraps ErrTokenKey.
func CheckJWKSURL(address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.User != nil:
		return fmt.Errorf("%w: want https://host/path", ErrTokenKey)
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http" && (u.Hostname() == "127.0.0.1" || u.Hostname() == "::1" || u.Hostname() == "localhost"):
		return nil
	}
	return fmt.Errorf("%w: keys that came in the clear could be anybody's: want https://host/path", ErrTokenKey)
}

// find returns the keys that a token may be signed with: the one that its kid
// names, or all if it names none. A key that is of no use here, such as a
// symmetric one, is passed over.
func (s *JWKS) find(t *jwt.Token) []tokenKey {
	if kid, ok := t.Header["kid"].(string); ok && len(kid) > maxKeyID {
		return nil
	}
	found, err := s.keys.Keyfunc(t)
	if err != nil {
		return nil
	}
	candidates := []jwt.VerificationKey{found}
	if set, ok := found.(jwt.VerificationKeySet); ok {
		candidates = set.Keys
	}
	var keys []tokenKey
	for _, c := range candidates {
		if k, err := newPublicKey(c); err == nil {
			keys = append(keys, k)
		}
	}
	return keys
}

// onlyKeySets bounds an answer, and has one that holds no keys fail: an error
// page of the issuer must not be taken for a set from which all keys were
// removed.
type onlyKeySets struct{ *http.Transport }

func (t onlyKeySets) RoundTrip(r *http.Request) (*http.Response, error) {
	response, err := t.Transport.RoundTrip(r)
	if err != nil || response.StatusCode != http.StatusOK {
		return response, err
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, jwksMaxBytes))
	if err := errors.Join(err, response.Body.Close()); err != nil {
		return nil, err
	}
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &set); err != nil || len(set.Keys) == 0 {
		return nil, errors.New("the answer holds no keys")
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, nil
}

func orDefault(d, def time.Duration) time.Duration {
	if d == 0 {
		return def
	}
	return d
}
