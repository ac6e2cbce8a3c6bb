package auth

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"slices"
)

// minRSA is the shortest RSA modulus, in bits: RFC 7518, section 3.3.
const minRSA = 2048

// tokenKey is a key together with the algorithms that it verifies, all of its own
// kind. What a token's header asks for can't choose how a key is used: an RSA key
// never serves as the secret of an HMAC, though both are bytes in the end.
type tokenKey struct {
	algs []string
	key  crypto.PublicKey // *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey; []byte for a secret
}

// The algorithms of each kind of key. A secret of 32 bytes serves the longer hashes
// too: it is as hard to guess with them, and issuers do so.
var (
	secretAlgs = []string{"HS256", "HS384", "HS512"}
	rsaAlgs    = []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}
	curveAlgs  = map[elliptic.Curve][]string{elliptic.P256(): {"ES256"}, elliptic.P384(): {"ES384"}, elliptic.P521(): {"ES512"}}
	edAlgs     = []string{"EdDSA"}
	// tokenAlgs are all of them.
	tokenAlgs = slices.Concat(secretAlgs, rsaAlgs, []string{"ES256", "ES384", "ES512"}, edAlgs)
)

// newPublicKey pins a public key to its algorithms.
func newPublicKey(key crypto.PublicKey) (tokenKey, error) {
	switch k := key.(type) {
	case *rsa.PublicKey:
		if k.N.BitLen() < minRSA {
			return tokenKey{}, fmt.Errorf("%w: an RSA key has at least %d bits", ErrTokenKey, minRSA)
		}
		return tokenKey{rsaAlgs, k}, nil
	case *ecdsa.PublicKey:
		if algs := curveAlgs[k.Curve]; algs != nil {
			return tokenKey{algs, k}, nil
		}
		return tokenKey{}, fmt.Errorf("%w: the only elliptic curves are P-256, P-384 and P-521", ErrTokenKey)
	case ed25519.PublicKey:
		return tokenKey{edAlgs, k}, nil
	}
	return tokenKey{}, fmt.Errorf("%w: not an RSA, elliptic or Ed25519 public key", ErrTokenKey)
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

func checkSecret(s []byte) error {
	if len(s) < MinSecret {
		return fmt.Errorf("%w: a secret has at least %d bytes", ErrTokenKey, MinSecret)
	}
	return nil
}
