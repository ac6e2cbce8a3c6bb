package auth

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"

	"github.com/golang-jwt/jwt/v5"
)

// minRSA is the shortest RSA modulus, in bits: RFC 7518, section 3.3.
const minRSA = 2048

// tokenKey is a key together with the only algorithm that it verifies. What a
// token's header asks for can't choose how a key is used: an RSA key never
// serves as the secret of an HMAC, though both are bytes in the end.
type tokenKey struct {
	alg string
	key crypto.PublicKey // *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey; []byte for HS256
}

// newPublicKey pins a public key to its algorithm.
func newPublicKey(key crypto.PublicKey) (tokenKey, error) {
	switch k := key.(type) {
	case *rsa.PublicKey:
		if k.N.BitLen() < minRSA {
			return tokenKey{}, fmt.Errorf("%w: an RSA key has at least %d bits", ErrTokenKey, minRSA)
		}
		return tokenKey{jwt.SigningMethodRS256.Alg(), k}, nil
	case *ecdsa.PublicKey:
		if k.Curve != elliptic.P256() {
			return tokenKey{}, fmt.Errorf("%w: of the elliptic curves only P-256 is known", ErrTokenKey)
		}
		return tokenKey{jwt.SigningMethodES256.Alg(), k}, nil
	case ed25519.PublicKey:
		return tokenKey{jwt.SigningMethodEdDSA.Alg(), k}, nil
	}
	return tokenKey{}, fmt.Errorf("%w: not an RSA, P-256 or Ed25519 public key", ErrTokenKey)
}

// parsePublicKeys reads PEM blocks: public keys in either of their two forms,
// or certificates, whose names and dates mean nothing here.
func parsePublicKeys(text []byte) ([]tokenKey, error) {
	var keys []tokenKey
	for i := 1; ; i++ {
		block, rest := pem.Decode(text)
		if block == nil {
			break
		}
		text = rest
		key, err := parsePublicKey(block)
		if err != nil {
			return nil, fmt.Errorf("public key %d: %w", i, err)
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 || len(bytes.TrimSpace(text)) > 0 {
		return nil, fmt.Errorf("%w: want public keys in PEM", ErrTokenKey)
	}
	return keys, nil
}

func parsePublicKey(block *pem.Block) (tokenKey, error) {
	var key crypto.PublicKey
	var err error
	switch block.Type {
	case "PUBLIC KEY":
		key, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		key, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		var certificate *x509.Certificate
		if certificate, err = x509.ParseCertificate(block.Bytes); err == nil {
			key = certificate.PublicKey
		}
	default:
		// A private key above all: it has no business here.
		return tokenKey{}, fmt.Errorf("%w: want PUBLIC KEY, not %s", ErrTokenKey, block.Type)
	}
	if err != nil {
		return tokenKey{}, fmt.Errorf("%w: it does not parse", ErrTokenKey)
	}
	return newPublicKey(key)
}

// Why no key is tried on a token.
var (
	// errCritical refuses extensions that a token declares vital: RFC 7515
	// (section 4.1.11) forbids passing over them, and none is understood here.
	errCritical = errors.New("critical header parameters are not understood")
	errNoKey    = errors.New("no key for this token")
)

// key returns the keys that a token may be signed with: those of its algorithm.
// Of the header's other parameters only kid is looked at, and only as a name in
// the issuer's key set; a key, or an address of one, that a token brings along
// (jwk, jku, x5u, x5c) is nobody's.
func (v *Verifier) key(t *jwt.Token) (any, error) {
	if _, ok := t.Header["crit"]; ok {
		return nil, errCritical
	}
	var set jwt.VerificationKeySet
	for _, k := range v.keys {
		if k.alg == t.Method.Alg() {
			set.Keys = append(set.Keys, k.key)
		}
	}
	if v.jwks != nil {
		for _, k := range v.jwks.find(t) {
			if k.alg == t.Method.Alg() {
				set.Keys = append(set.Keys, k.key)
			}
		}
	}
	if len(set.Keys) == 0 {
		return nil, errNoKey
	}
	return set, nil
}

// publicAlgorithms are those of public keys, and so of an issuer's.
var publicAlgorithms = []string{jwt.SigningMethodRS256.Alg(), jwt.SigningMethodES256.Alg(), jwt.SigningMethodEdDSA.Alg()}

// unread tells whether a token was refused because no key fits, while the issuer's
// keys, one of which might, are not known.
func (v *Verifier) unread(t *jwt.Token, err error) bool {
	return v.jwks != nil && t != nil && t.Method != nil && slices.Contains(publicAlgorithms, t.Method.Alg()) &&
		(errors.Is(err, errNoKey) || errors.Is(err, jwt.ErrTokenSignatureInvalid)) &&
		v.jwks.Ready(context.Background()) != nil
}

// algorithms are those of the keys, in the order of their names.
func (v *Verifier) algorithms() []string {
	var names []string
	for _, k := range v.keys {
		names = append(names, k.alg)
	}
	if v.jwks != nil {
		names = append(names, publicAlgorithms...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
