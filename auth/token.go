package auth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/bellhop/bellhop/event"
)

// MaxTokenLife is the longest time from a token's iat, or from now where it says
// none, to its exp. A revocation need not be remembered for longer.
const MaxTokenLife = 400 * 24 * time.Hour

// maxToken bounds what is parsed, in bytes.
const maxToken = 8 << 10

// DefaultLeeway is how far an issuer's clock may be ahead of this one unless the
// configuration says otherwise, and MaxLeeway the most that it can say.
const (
	DefaultLeeway = time.Minute
	MaxLeeway     = 10 * time.Minute
)

// TokenConfig configures a Verifier.
type TokenConfig struct {
	// Issuers whose tokens are accepted; at least one.
	Issuers []Issuer
	// Leeway is how far nbf and iat may lie in the future: an issuer's clock may
	// be ahead. It does not help an exp: an expired token is expired. Zero means
	// DefaultLeeway, negative none.
	Leeway time.Duration
	// Now is the clock. Default: time.Now.
	Now func() time.Time
}

// Verifier checks the tokens of clients. It is safe for concurrent use.
type Verifier struct {
	parser  *jwt.Parser
	issuers []Issuer
	leeway  time.Duration
	now     func() time.Time
	cache   tokenCache
}

// NewVerifier makes a Verifier. Its error wraps ErrTokenKey.
func NewVerifier(cfg TokenConfig) (*Verifier, error) {
	v := &Verifier{
		parser:  jwt.NewParser(jwt.WithValidMethods(tokenAlgs), jwt.WithStrictDecoding(), jwt.WithoutClaimsValidation()),
		issuers: slices.Clone(cfg.Issuers),
		leeway:  max(cmp.Or(cfg.Leeway, DefaultLeeway), 0),
		now:     cfg.Now,
		cache:   tokenCache{most: maxCached / 2},
	}
	if v.now == nil {
		v.now = time.Now
	}
	if len(v.issuers) == 0 {
		return nil, fmt.Errorf("%w: there is none", ErrTokenKey)
	}
	for i := range v.issuers {
		if err := v.issuers[i].prepare(); err != nil {
			return nil, err
		}
		for j := range i {
			if err := v.issuers[i].clash(&v.issuers[j]); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

// Leeway is how far ahead of this clock a token's iat may be.
func (v *Verifier) Leeway() time.Duration { return v.leeway }

// Verify checks a token and returns what it says. Errors are *TokenError and so
// ErrToken, but for one: ErrKeysUnread, for a token that a key of the issuer may have
// signed while none of them is known. Verify may wait for the issuer, two seconds at
// most, with a token whose key the set does not have or that does not fit it. The claims
// are shared by all who show the token and must not be changed.
func (v *Verifier) Verify(token string) (*Claims, error) {
	if len(token) > maxToken {
		return nil, ErrTokenTooLong
	}
	hash, keys := hashToken(token), v.keys()
	if known := v.cache.get(hash, keys, v.now()); known != nil {
		return known, nil
	}
	claims, goodFrom, err := v.verify(token)
	if err == nil {
		v.cache.put(hash, keys, cachedToken{claims, goodFrom.Add(time.Second - 1).Unix()})
	}
	return claims, err
}

// Forget has every token verified anew.
func (v *Verifier) Forget() { v.cache.forget() }

// keys is a number that grows whenever an issuer's keys are read.
func (v *Verifier) keys() (n uint64) {
	for i := range v.issuers {
		if set := v.issuers[i].JWKS; set != nil {
			n += set.reads.Load()
		}
	}
	return n
}

// verify checks a token that is not known, and tells since when it is good.
func (v *Verifier) verify(token string) (claims *Claims, since time.Time, err error) {
	c, from, err := v.parse(token)
	if errors.Is(err, ErrTokenSignature) && from != nil && from.JWKS != nil {
		// The key may have been replaced under its name.
		from.JWKS.refresh()
		c, from, err = v.parse(token)
	}
	if err != nil {
		return nil, since, err
	}
	if since, err = v.validate(c, from); err != nil {
		return nil, since, err
	}
	claims, err = v.claims(c, from)
	return claims, since, err
}

// parse reads a token whose signature is good, and whose issuer is known.
func (v *Verifier) parse(token string) (c *wireClaims, from *Issuer, err error) {
	c = new(wireClaims)
	parsed, err := v.parser.ParseWithClaims(token, c, func(t *jwt.Token) (any, error) {
		if from = v.issuer(c.Issuer); from == nil {
			return nil, ErrTokenIssuer
		}
		return from.candidates(t)
	})
	var refusal *TokenError
	switch {
	case err == nil:
		return c, from, nil
	case from != nil && from.unread(parsed):
		return nil, from, ErrKeysUnread
	case errors.As(err, &refusal):
		return nil, from, refusal
	case from != nil:
		return nil, from, ErrTokenSignature
	case parsed != nil && parsed.Header["alg"] != nil && !slices.Contains(tokenAlgs, fmt.Sprint(parsed.Header["alg"])):
		return nil, nil, ErrTokenAlgorithm
	}
	// The library's text may quote the token.
	return nil, nil, ErrTokenMalformed
}

// issuer finds the one that a token names, or else the one that accepts any name.
func (v *Verifier) issuer(name string) *Issuer {
	var found *Issuer
	for i := range v.issuers {
		switch is := &v.issuers[i]; is.Issuer {
		case name:
			return is
		case "":
			found = is
		}
	}
	return found
}

// validate judges for whom and when a token is good. It is good since a moment.
func (v *Verifier) validate(c *wireClaims, from *Issuer) (since time.Time, err error) {
	now := v.now()
	switch {
	case from.Audience != "" && !slices.Contains(c.Audience, from.Audience):
		return since, ErrTokenAudience
	case c.ExpiresAt == nil:
		return since, ErrTokenClaim
	case !now.Before(c.ExpiresAt.Time):
		return since, ErrTokenExpired
	}
	for _, at := range []*jwt.NumericDate{c.NotBefore, c.IssuedAt} {
		if at != nil && at.After(since) {
			since = at.Time
		}
	}
	if since = since.Add(-v.leeway); since.After(now) {
		return since, ErrTokenEarly
	}
	// The longest life begins with the iat, or else now.
	longest := c.ExpiresAt.Add(-MaxTokenLife)
	switch {
	case c.IssuedAt == nil && longest.After(since):
		since = longest
	case c.IssuedAt != nil && c.IssuedAt.Before(longest):
		return since, ErrTokenLife
	}
	if since.After(now) {
		return since, ErrTokenLife
	}
	return since, nil
}

// claims are those of a good token.
func (v *Verifier) claims(c *wireClaims, from *Issuer) (*Claims, error) {
	subject, err := c.user(from.UserClaim)
	switch {
	case err != nil:
		return nil, err
	case subject == "":
		return nil, ErrTokenSubject
	}
	subject = from.SubjectPrefix + subject
	inbox, err := event.Inbox(subject)
	if err != nil {
		return nil, ErrTokenSubject
	}
	for i := range v.issuers {
		// The people behind a longer prefix are those of the issuer that has it.
		if other := v.issuers[i].SubjectPrefix; len(other) > len(from.SubjectPrefix) && strings.HasPrefix(subject, other) {
			return nil, ErrTokenForeign
		}
	}
	if inbox.Key() == subject {
		subject = inbox.Key() // the same, in memory that is kept anyway
	}
	claims := &Claims{Subject: subject, Expires: c.ExpiresAt.Time, Channels: c.Channels, inbox: inbox}
	if c.IssuedAt != nil {
		claims.IssuedAt = c.IssuedAt.Time
	}
	return claims, nil
}

// Ready tells whether tokens can be judged: nil, or ErrKeysUnread while the keys of
// an issuer were not read yet. It does not block.
func (v *Verifier) Ready(ctx context.Context) error {
	for i := range v.issuers {
		if set := v.issuers[i].JWKS; set != nil {
			if err := set.Ready(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}
