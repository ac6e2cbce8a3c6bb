package auth

import (
	"cmp"
	"context"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"
	"golang.org/x/time/rate"
)

// JWKSConfig says where an issuer publishes its keys (RFC 7517).
type JWKSConfig struct {
	// URL of the key set; https, or http on this machine. Without it the set is
	// found by Issuer.
	URL string
	// Issuer is the address of an issuer that tells by OpenID Connect Discovery where
	// its keys are. It is asked again whenever the keys are.
	Issuer string
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

// address is what is asked first.
func (c JWKSConfig) address() string {
	return cmp.Or(c.URL, strings.TrimSuffix(c.Issuer, "/")+discoveryPath)
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
	keys  jwkset.Storage
	reads atomic.Uint64 // how often keys replaced those before
	asOf  atomic.Int64  // when they last did, in nanoseconds since 1970
	stop  context.CancelFunc
	done  sync.WaitGroup
}

// OpenJWKS reads a key set and keeps it up to date until Close. An issuer that is
// away is no error: no token can be judged by the set until it is back (Ready). It
// waits for the first answer, two seconds at most.
func OpenJWKS(cfg JWKSConfig) (*JWKS, error) {
	address := cfg.address()
	if err := CheckJWKSURL(address); err != nil {
		return nil, err
	}
	cfg.Logger = cmp.Or(cfg.Logger, slog.Default())
	transport := &http.Transport{
		Proxy:           http.ProxyFromEnvironment,
		TLSClientConfig: &tls.Config{RootCAs: cfg.RootCAs, MinVersion: tls.VersionTLS12},
		// One request in minutes needs no connection in between.
		DisableKeepAlives: true,
	}
	client := &http.Client{
		Transport: keySets{transport, cfg.URL == "", cfg.Issuer},
		// A redirect could lead from https to http.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	retry := cmp.Or(cfg.Retry, jwksRetry)
	ctx, cancel := context.WithCancel(context.Background())
	s := &JWKS{stop: cancel}
	set, err := jwkset.NewStorageFromHTTP(address, jwkset.HTTPClientStorageOptions{
		Ctx:                       ctx,
		Client:                    client,
		HTTPTimeout:               jwksTimeout,
		RefreshInterval:           cmp.Or(cfg.Refresh, jwksRefresh),
		NoErrorReturnFirstHTTPReq: true,
		Storage:                   readKeys{jwkset.NewMemoryStorage(), s},
		RefreshErrorHandler: func(ctx context.Context, err error) {
			if ctx.Err() == nil || errors.Is(ctx.Err(), context.DeadlineExceeded) {
				cfg.Logger.Warn("the issuer's keys can't be read; the last ones stay good", "error", err)
			}
		},
	})
	if err == nil {
		s.keys, err = jwkset.NewHTTPClient(jwkset.HTTPClientOptions{
			HTTPURLs: map[string]jwkset.Storage{address: set},
			// A made-up key id must not make the issuer a target, nor have requests
			// wait: one of them may ask, the others are refused at once.
			RefreshUnknownKID: rate.NewLimiter(rate.Every(retry), 1),
			RateLimitWaitMax:  jwksTimeout,
		})
	}
	if err != nil {
		cancel()
		return nil, fmt.Errorf("%w: %w", ErrTokenKey, err)
	}
	if s.Ready(ctx) != nil {
		s.done.Go(func() { s.await(ctx, retry) })
	}
	return s, nil
}

// readKeys notes when all keys are replaced.
type readKeys struct {
	jwkset.Storage

	of *JWKS
}

// KeyReplaceAll implements jwkset.Storage.
func (k readKeys) KeyReplaceAll(ctx context.Context, keys []jwkset.JWK) error {
	defer k.of.reads.Add(1) // afterwards: who reads the number reads these keys, or newer ones
	k.of.asOf.Store(time.Now().UnixNano())
	return k.Storage.KeyReplaceAll(ctx, keys)
}

// ErrKeysUnread is the answer while no key set was read: it is not known yet which
// tokens are good.
var ErrKeysUnread = errors.New("the issuer's keys were not read yet")

// Ready tells whether a set was read: nil, or ErrKeysUnread. It does not block.
func (s *JWKS) Ready(ctx context.Context) error {
	if keys, err := s.keys.KeyReadAll(ctx); err != nil || len(keys) == 0 {
		return ErrKeysUnread
	}
	return nil
}

// AsOf is when the keys were last read; the zero time: never.
func (s *JWKS) AsOf() time.Time {
	if at := s.asOf.Load(); at != 0 {
		return time.Unix(0, at)
	}
	return time.Time{}
}

// await tries until the first set is there: a token of an unknown key would have it
// read as well, but not every token names its key.
func (s *JWKS) await(ctx context.Context, every time.Duration) {
	again := time.NewTicker(every)
	defer again.Stop()
	for s.Ready(ctx) != nil {
		select {
		case <-again.C:
			s.refresh()
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
	return fmt.Errorf("%w: keys must not be fetched without TLS: want https://host/path", ErrTokenKey)
}

// find returns the keys that a token may be signed with: the one that its kid
// names, or all if it names none. A key that is of no use here, such as a
// symmetric one or one for encryption, is passed over.
func (s *JWKS) find(t *jwt.Token) []tokenKey {
	kid, named := t.Header["kid"]
	name, isText := kid.(string)
	if named && !isText || len(name) > maxKeyID { // RFC 7515, section 4.1.4: it is a string
		return nil
	}
	keys := s.known(name, named, t.Method.Alg())
	if len(keys) == 0 {
		s.refresh()
		keys = s.known(name, named, t.Method.Alg())
	}
	return keys
}

// known are the keys of an algorithm that have this name, or all of them where none
// is named. Two keys of different kinds may share a name (RFC 7517, section 4.5).
func (s *JWKS) known(name string, named bool, alg string) (keys []tokenKey) {
	all, _ := s.keys.KeyReadAll(context.Background()) // memory alone: it does not fail
	for _, jwk := range all {
		if named && jwk.Marshal().KID != name {
			continue
		}
		key := jwk.Key()
		if private, ok := key.(interface{ Public() crypto.PublicKey }); ok {
			key = private.Public()
		}
		k, err := newPublicKey(key)
		only := jwk.Marshal().ALG.String()
		if err == nil && jwk.Marshal().USE != jwkset.UseEnc && slices.Contains(k.algs, alg) && (only == "" || only == alg) {
			keys = append(keys, k)
		}
	}
	return keys
}

// refresh reads the set out of turn, as often as made-up keys may: a key may be new, or
// have been replaced under its name, by one of another kind too.
func (s *JWKS) refresh() {
	// An unknown key is what has the library read the set, within a time limit of its
	// own; no set has this one.
	_, _ = s.keys.KeyRead(context.Background(), "\x00")
}
