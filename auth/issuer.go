package auth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// ErrTokenKey refuses a key that tokens are to be verified with, or an issuer.
var ErrTokenKey = errors.New("invalid token key")

// MinSecret is the shortest secret, in bytes: RFC 7518 (section 3.2) wants a key of
// HS256 no shorter than the hash.
const MinSecret = 32

// Issuer is somebody whose tokens are accepted.
type Issuer struct {
	// Name is who it is in messages, and in the name of its check of readiness.
	Name string

	// A token passes that any of the following keys signed, so that a key can
	// be replaced without signing everybody out. At least one.

	// Secrets are keys for HS256, HS384 and HS512, of MinSecret bytes or more each.
	Secrets []string
	// PublicKeys are PEM blocks: RSA keys for RS and PS, keys on P-256, P-384 or
	// P-521 for ES256, ES384 and ES512, Ed25519 for EdDSA.
	PublicKeys []byte
	// KeySetURL is where the issuer publishes its keys, for the same. Discover says
	// that the issuer tells where: OpenID Connect Discovery at Issuer, an address.
	KeySetURL string
	Discover  bool
	// JWKS is the key set once it was opened by KeySet. It stays the caller's to
	// close. Until then no token is judged by it.
	JWKS *JWKS

	// Issuer is the token's iss. Empty: any that no other issuer has. Audience,
	// where set, must stand in the token's aud. Both are required with a key set: who
	// publishes keys signs for other services too.
	Issuer, Audience string
	// UserClaim is the claim that says who it is; a dot leads into an object.
	// Default: sub.
	UserClaim string
	// SubjectPrefix is put before what the claim says, so that the people of
	// several issuers stay apart.
	SubjectPrefix string

	keys []tokenKey
}

// HasKeySet tells whether the issuer publishes its keys.
func (i *Issuer) HasKeySet() bool { return i.KeySetURL != "" || i.Discover || i.JWKS != nil }

// KeySet says how to open the issuer's key set.
func (i *Issuer) KeySet() JWKSConfig { return JWKSConfig{URL: i.KeySetURL, Issuer: i.Issuer} }

// prepare checks an issuer, and reads its keys.
func (i *Issuer) prepare() error {
	switch {
	case len(i.Secrets) == 0 && len(i.PublicKeys) == 0 && !i.HasKeySet():
		return fmt.Errorf("%w: there is none", ErrTokenKey)
	case i.HasKeySet() && (i.Issuer == "" || i.Audience == ""):
		return fmt.Errorf("%w: a key set needs an issuer and an audience, because its keys sign for others too", ErrTokenKey)
	}
	if i.HasKeySet() && i.JWKS == nil {
		if err := CheckJWKSURL(i.KeySet().address()); err != nil {
			return err
		}
	}
	i.UserClaim = cmp.Or(i.UserClaim, "sub")
	i.keys = nil
	for n, s := range i.Secrets {
		if err := checkSecret([]byte(s)); err != nil {
			return fmt.Errorf("secret %d: %w", n+1, err)
		}
		i.keys = append(i.keys, tokenKey{secretAlgs, []byte(s)})
	}
	if len(i.PublicKeys) > 0 {
		keys, err := parsePublicKeys(i.PublicKeys)
		if err != nil {
			return err
		}
		i.keys = append(i.keys, keys...)
	}
	return nil
}

// clash refuses two issuers that tokens, or people, can't be told apart by.
func (i *Issuer) clash(other *Issuer) error {
	switch {
	case i.Issuer == "" && other.Issuer == "":
		return fmt.Errorf("%w: two issuers without a name (iss)", ErrTokenKey)
	case i.Issuer == other.Issuer:
		return fmt.Errorf("%w: the issuer %q is listed twice", ErrTokenKey, i.Issuer)
	case i.SubjectPrefix == other.SubjectPrefix:
		return fmt.Errorf("%w: two issuers need prefixes of their own for their subjects, or 42 of one reads the inbox of 42 of the other", ErrTokenKey)
	}
	return nil
}

// candidates are the keys that a token may be signed with: those of its algorithm.
// Of the header's other parameters only kid is looked at, and only as a name in
// the issuer's key set; a key, or an address of one, that a token brings along
// (jwk, jku, x5u, x5c) is nobody's. Extensions that a token declares vital are not
// understood, and RFC 7515 (section 4.1.11) forbids passing over them.
func (i *Issuer) candidates(t *jwt.Token) (any, error) {
	if _, ok := t.Header["crit"]; ok {
		return nil, ErrTokenCritical
	}
	keys := i.keys
	public := !strings.HasPrefix(t.Method.Alg(), "HS")
	if i.JWKS != nil && public {
		keys = slices.Concat(keys, i.JWKS.find(t))
	}
	var set jwt.VerificationKeySet
	for _, k := range keys {
		if slices.Contains(k.algs, t.Method.Alg()) {
			set.Keys = append(set.Keys, k.key)
		}
	}
	switch {
	case len(set.Keys) > 0:
		return set, nil
	case i.HasKeySet() && public:
		return nil, ErrTokenKeyless
	}
	return nil, ErrTokenAlgorithm
}

// unread tells whether a token was refused while the issuer's keys, one of which
// might fit it, are not known.
func (i *Issuer) unread(t *jwt.Token) bool {
	_, critical := t.Header["crit"]
	return i.HasKeySet() && !critical && !strings.HasPrefix(t.Method.Alg(), "HS") && (i.JWKS == nil || i.JWKS.Ready(context.Background()) != nil)
}
