package auth

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/bellhop/bellhop/event"
)

// Errors of a Verifier. All wrap ErrToken; none repeats any part of the token.
var (
	// ErrToken: the token is no good, for whatever reason.
	ErrToken = errors.New("invalid token")
	// ErrTokenExpired: it was good once. Its owner needs a new one.
	ErrTokenExpired = fmt.Errorf("%w: expired", ErrToken)
	// ErrTokenEarly: its nbf or iat lies in the future.
	ErrTokenEarly = fmt.Errorf("%w: not valid yet", ErrToken)
	// ErrTokenRevoked: its owner was locked out after it was issued.
	ErrTokenRevoked = fmt.Errorf("%w: revoked", ErrToken)
	// ErrTokenKey refuses a key that tokens are to be verified with.
	ErrTokenKey = errors.New("invalid token key")
)

// MinSecret is the shortest HS256 secret, in bytes: RFC 7518 (section 3.2)
// wants a key no shorter than the hash.
const MinSecret = 32

// MaxTokenLife is the longest time from a token's iat, or from now where it says
// none, to its exp. A revocation need not be remembered for longer.
const MaxTokenLife = 400 * 24 * time.Hour

// maxToken bounds what is parsed, in bytes.
const maxToken = 8 << 10

// leeway is how far the issuer's clock may be ahead of this one. It helps nbf
// and iat only: an expired token is expired.
const leeway = 5 * time.Second

// Claims are what a verified token says.
type Claims struct {
	// Subject is the person; their inbox is the channel "user:" + Subject.
	Subject string
	// IssuedAt is zero if the token does not say.
	IssuedAt time.Time
	// Expires is the moment from which on the token is no good.
	Expires time.Time
	// Channels are patterns of the channels whose member the person is:
	// "room:7", or "room:*" for all that begin so.
	Channels []string
}

// Inbox is the subject's own channel.
func (c *Claims) Inbox() event.Channel {
	return event.Channel(event.InboxNamespace + ":" + c.Subject)
}

// IssuedAfter tells whether the token was surely issued after the second of a moment:
// the issuer's clock may be ahead by the leeway.
func (c *Claims) IssuedAfter(at time.Time) bool { return c.IssuedAt.Unix() > at.Add(leeway).Unix() }

// TokenConfig configures a Verifier.
type TokenConfig struct {
	// A token passes that any of the following keys signed, so that a key can
	// be replaced without signing everybody out. At least one.

	// Secrets are the HS256 keys, of MinSecret bytes or more each.
	Secrets []string
	// PublicKeys are PEM blocks: RSA keys for RS256, P-256 for ES256, Ed25519
	// for EdDSA.
	PublicKeys []byte
	// JWKS is an issuer's key set, for the same three. It stays the caller's to
	// close.
	JWKS *JWKS
	// Issuer and Audience, where set, must stand in the token. Both are
	// required with JWKS: who publishes keys signs for other services too.
	Issuer, Audience string
	// Now is the clock. Default: time.Now.
	Now func() time.Time
}

// Verifier checks the tokens of clients. It is safe for concurrent use.
type Verifier struct {
	parser *jwt.Parser
	keys   []tokenKey
	jwks   *JWKS
	now    func() time.Time
}

// NewVerifier makes a Verifier. Its error wraps ErrTokenKey.
func NewVerifier(cfg TokenConfig) (*Verifier, error) {
	switch {
	case len(cfg.Secrets) == 0 && len(cfg.PublicKeys) == 0 && cfg.JWKS == nil:
		return nil, fmt.Errorf("%w: there is none", ErrTokenKey)
	case cfg.JWKS != nil && (cfg.Issuer == "" || cfg.Audience == ""):
		return nil, fmt.Errorf("%w: a key set needs an issuer and an audience, because its keys sign for others too", ErrTokenKey)
	}
	v := &Verifier{now: cfg.Now, jwks: cfg.JWKS}
	if v.now == nil {
		v.now = time.Now
	}
	for i, s := range cfg.Secrets {
		if err := checkSecret([]byte(s)); err != nil {
			return nil, fmt.Errorf("secret %d: %w", i+1, err)
		}
		v.keys = append(v.keys, tokenKey{jwt.SigningMethodHS256.Alg(), []byte(s)})
	}
	if len(cfg.PublicKeys) > 0 {
		keys, err := parsePublicKeys(cfg.PublicKeys)
		if err != nil {
			return nil, err
		}
		v.keys = append(v.keys, keys...)
	}
	options := []jwt.ParserOption{
		jwt.WithValidMethods(v.algorithms()),
		jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(leeway),
		jwt.WithTimeFunc(v.now), jwt.WithStrictDecoding(),
	}
	if cfg.Issuer != "" {
		options = append(options, jwt.WithIssuer(cfg.Issuer))
	}
	if cfg.Audience != "" {
		options = append(options, jwt.WithAudience(cfg.Audience))
	}
	v.parser = jwt.NewParser(options...)
	return v, nil
}

// Verify checks a token and returns what it says. Errors wrap ErrToken; those
// that a fresh token or a moment's patience would mend are ErrTokenExpired and
// ErrTokenEarly. One does not: ErrKeysUnread, for a token that a key of the issuer
// may have signed while none of them is known. Verify may wait for the issuer, two
// seconds at most, with a token that names a key that the set does not have.
func (v *Verifier) Verify(token string) (*Claims, error) {
	if len(token) > maxToken {
		return nil, fmt.Errorf("%w: longer than %d bytes", ErrToken, maxToken)
	}
	var c wireClaims
	switch parsed, err := v.parser.ParseWithClaims(token, &c, v.key); {
	case err == nil:
	case v.unread(parsed, err):
		return nil, ErrKeysUnread
	case errors.Is(err, jwt.ErrTokenExpired):
		return nil, ErrTokenExpired
	case errors.Is(err, jwt.ErrTokenNotValidYet), errors.Is(err, jwt.ErrTokenUsedBeforeIssued):
		return nil, ErrTokenEarly
	case errors.Is(err, jwt.ErrTokenRequiredClaimMissing):
		return nil, fmt.Errorf("%w: a required claim is missing", ErrToken)
	case errors.Is(err, jwt.ErrTokenInvalidIssuer), errors.Is(err, jwt.ErrTokenInvalidAudience):
		return nil, fmt.Errorf("%w: not issued for this service", ErrToken)
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return nil, fmt.Errorf("%w: bad signature", ErrToken)
	default:
		// The library's text may quote the token.
		return nil, fmt.Errorf("%w: malformed", ErrToken)
	}
	// The library's leeway holds for exp as well; ours does not.
	if !v.now().Before(c.ExpiresAt.Time) {
		return nil, ErrTokenExpired
	}
	begins := v.now()
	if c.IssuedAt != nil {
		begins = c.IssuedAt.Time
	}
	if c.ExpiresAt.Sub(begins) > MaxTokenLife {
		return nil, fmt.Errorf("%w: it lives for too long", ErrToken)
	}
	if _, err := event.Inbox(c.Subject); err != nil {
		return nil, fmt.Errorf("%w: the subject does not fit a channel's name", ErrToken)
	}
	claims := &Claims{Subject: c.Subject, Expires: c.ExpiresAt.Time, Channels: c.Channels}
	if c.IssuedAt != nil {
		claims.IssuedAt = c.IssuedAt.Time
	}
	return claims, nil
}

// SignToken makes a token: for tools, tests and the demo. In production the
// product's own sign-in does. The secret's length and the subject are checked
// as a Verifier would; a zero IssuedAt is left out.
func SignToken(secret string, c Claims) (string, error) {
	if err := checkSecret([]byte(secret)); err != nil {
		return "", err
	}
	if _, err := event.Inbox(c.Subject); err != nil {
		return "", fmt.Errorf("subject: %w", err)
	}
	if c.Expires.IsZero() {
		return "", fmt.Errorf("%w: it must expire", ErrToken)
	}
	wire := wireClaims{Channels: c.Channels}
	wire.Subject = c.Subject
	wire.ExpiresAt = jwt.NewNumericDate(c.Expires)
	if !c.IssuedAt.IsZero() {
		wire.IssuedAt = jwt.NewNumericDate(c.IssuedAt)
	}
	return jwt.NewWithClaims(jwt.SigningMethodHS256, &wire).SignedString([]byte(secret))
}

// wireClaims are the claims as they stand in the token.
type wireClaims struct {
	jwt.RegisteredClaims
	Channels jwt.ClaimStrings `json:"channels,omitempty"`
}

// UnmarshalJSON implements json.Unmarshaler. The names of claims are compared exactly
// (RFC 7519, section 7.3); encoding/json would take "SUB" for "sub", and what an
// issuer lets people write into a claim of their own for who they are.
func (c *wireClaims) UnmarshalJSON(text []byte) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return err
	}
	for name, claim := range map[string]any{
		"iss": &c.Issuer, "sub": &c.Subject, "aud": &c.Audience, "channels": &c.Channels,
		"exp": &c.ExpiresAt, "nbf": &c.NotBefore, "iat": &c.IssuedAt,
	} {
		if value, ok := members[name]; ok {
			if err := json.Unmarshal(value, claim); err != nil {
				return fmt.Errorf("claim %s: %w", name, err)
			}
		}
	}
	return nil
}

func checkSecret(s []byte) error {
	if len(s) < MinSecret {
		return fmt.Errorf("%w: a secret has at least %d bytes", ErrTokenKey, MinSecret)
	}
	return nil
}
