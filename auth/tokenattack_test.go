package auth_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
)

// signer is a private key with the name that an issuer gives it.
type signer struct {
	method jwt.SigningMethod
	key    crypto.Signer
	kid    string
}

func newRSA(t *testing.T) signer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	return signer{jwt.SigningMethodRS256, key, "rsa-1"}
}

func newEC(t *testing.T) signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return signer{jwt.SigningMethodES256, key, "ec-1"}
}

func newEd(t *testing.T) signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	return signer{jwt.SigningMethodEdDSA, key, "ed-1"}
}

// token signs claims; header parameters may be replaced.
func (s signer) token(t *testing.T, claims jwt.MapClaims, header map[string]any) string {
	t.Helper()
	token := jwt.NewWithClaims(s.method, claims)
	token.Header["kid"] = s.kid
	maps.Copy(token.Header, header)
	text, err := token.SignedString(s.key)
	require.NoError(t, err)
	return text
}

// pem is the public key as an operator would configure it.
func (s signer) pem(t *testing.T) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(s.key.Public())
	require.NoError(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func publicVerifier(t *testing.T, signers ...signer) *auth.Verifier {
	t.Helper()
	return verifier(t, func(c *auth.Issuer) {
		c.Secrets = nil
		for _, s := range signers {
			c.PublicKeys = append(c.PublicKeys, s.pem(t)...)
		}
	})
}

func TestPublicKeysVerifyTheirOwnAlgorithm(t *testing.T) {
	t.Parallel()
	signers := []signer{newRSA(t), newEC(t), newEd(t)}
	v := publicVerifier(t, signers...)
	for i, s := range signers {
		claims, err := v.Verify(s.token(t, claimsWith(nil), nil))
		require.NoError(t, err, s.method.Alg())
		require.Equal(t, "42", claims.Subject)

		_, err = publicVerifier(t, signers[(i+1)%3]).Verify(s.token(t, claimsWith(nil), nil))
		require.ErrorIs(t, err, auth.ErrToken, "another key's")
	}
}

// TestAttackAlgorithmNone: a token that says of itself that it needs no signature.
func TestAttackAlgorithmNone(t *testing.T) {
	t.Parallel()
	s := newRSA(t)
	payload, err := json.Marshal(claimsWith(nil))
	require.NoError(t, err)
	for _, v := range []*auth.Verifier{verifier(t, nil), publicVerifier(t, s)} {
		for _, alg := range []string{"none", "None", "NONE", "nOnE", ""} {
			head := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"` + alg + `","typ":"JWT"}`))
			body := base64.RawURLEncoding.EncodeToString(payload)
			for _, signature := range []string{"", "AAAA"} {
				_, err := v.Verify(head + "." + body + "." + signature)
				require.ErrorIs(t, err, auth.ErrToken, alg)
			}
		}
	}
}

// TestAttackPublicKeyAsHMACSecret: the public key is known to everybody. A
// verifier that lets the token choose the algorithm takes it for a secret.
func TestAttackPublicKeyAsHMACSecret(t *testing.T) {
	t.Parallel()
	s := newRSA(t)
	text := s.pem(t)
	block, _ := pem.Decode(text)
	public, ok := s.key.Public().(*rsa.PublicKey)
	require.True(t, ok)
	both := verifier(t, func(c *auth.Issuer) { c.PublicKeys = text }) // HS256 is allowed here, with another key
	for _, v := range []*auth.Verifier{publicVerifier(t, s), both} {
		for _, guess := range [][]byte{text, text[:len(text)-1], block.Bytes, x509.MarshalPKCS1PublicKey(public)} {
			for _, method := range []jwt.SigningMethod{jwt.SigningMethodHS256, jwt.SigningMethodHS512} {
				_, err := v.Verify(sign(t, method, guess, claimsWith(nil)))
				require.ErrorIs(t, err, auth.ErrToken)
			}
		}
	}
}

// TestAttackOtherAlgorithmOfTheSameKey: the key set says which algorithm a key is
// for, and a key of one curve verifies nothing of another.
func TestAttackOtherAlgorithmOfTheSameKey(t *testing.T) {
	t.Parallel()
	s, i := newRSA(t), newIssuer(t)
	i.publish(t, []signer{s}) // for RS256
	v := jwksVerifier(t, i, nil)
	for _, header := range []map[string]any{{"kid": s.kid}, {}} {
		for _, method := range []jwt.SigningMethod{jwt.SigningMethodRS384, jwt.SigningMethodRS512, jwt.SigningMethodPS256} {
			token := jwt.NewWithClaims(method, claimsWith(issued))
			maps.Copy(token.Header, header)
			text, err := token.SignedString(s.key)
			require.NoError(t, err)
			_, err = v.Verify(text)
			require.ErrorIs(t, err, auth.ErrTokenKeyless, method.Alg())
		}
	}
	p256 := publicVerifier(t, newEC(t))
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	_, err = p256.Verify(sign(t, jwt.SigningMethodES384, key, claimsWith(nil)))
	require.ErrorIs(t, err, auth.ErrTokenAlgorithm)
}

// TestAttackExpiredAndFutureTokens: well signed, at the wrong time.
func TestAttackExpiredAndFutureTokens(t *testing.T) {
	t.Parallel()
	for _, s := range []signer{newRSA(t), newEC(t), newEd(t)} {
		v := publicVerifier(t, s)
		for claim, at := range map[string]time.Time{"exp": now, "nbf": now.Add(2 * time.Minute), "iat": now.Add(2 * time.Minute)} {
			_, err := v.Verify(s.token(t, claimsWith(func(c jwt.MapClaims) { c[claim] = at.Unix() }), nil))
			require.ErrorIs(t, err, auth.ErrToken, claim)
		}
		_, err := v.Verify(s.token(t, claimsWith(func(c jwt.MapClaims) { delete(c, "exp") }), nil))
		require.ErrorIs(t, err, auth.ErrToken)
	}
}

// strangeKids are what attackers write into kid: paths, addresses, queries.
var strangeKids = []any{
	"../../../../dev/null", "/dev/null", "file:///etc/passwd", "..\\..\\nul", "http://evil.example/key",
	"rsa-1' UNION SELECT 'x", "rsa-1\x00", "$(id)", "", 7, nil, []string{"rsa-1"}, map[string]any{"k": "rsa-1"},
}

// TestAttackKidInjection: with keys of the configuration, kid chooses nothing at
// all; a token is good or bad by its signature.
func TestAttackKidInjection(t *testing.T) {
	t.Parallel()
	ours, theirs := newRSA(t), newRSA(t)
	v := publicVerifier(t, ours)
	for _, kid := range strangeKids {
		header := map[string]any{"kid": kid}
		_, err := v.Verify(ours.token(t, claimsWith(nil), header))
		require.NoError(t, err, kid)
		_, err = v.Verify(theirs.token(t, claimsWith(nil), header))
		require.ErrorIs(t, err, auth.ErrToken, kid)
		// A "key" of no bytes, as a reader of /dev/null would find it.
		token := jwt.NewWithClaims(jwt.SigningMethodHS256, claimsWith(nil))
		token.Header["kid"] = kid
		text, err := token.SignedString([]byte{})
		require.NoError(t, err)
		_, err = v.Verify(text)
		require.ErrorIs(t, err, auth.ErrToken, kid)
	}
}

// TestAttackTokenBringsItsOwnKey: jwk, jku, x5u and x5c are passed over.
func TestAttackTokenBringsItsOwnKey(t *testing.T) {
	t.Parallel()
	theirs := newEd(t)
	public, ok := theirs.key.Public().(ed25519.PublicKey)
	require.True(t, ok)
	_, err := publicVerifier(t, newEd(t)).Verify(theirs.token(t, claimsWith(nil), map[string]any{
		"jwk": map[string]any{"kty": "OKP", "crv": "Ed25519", "x": base64.RawURLEncoding.EncodeToString(public)},
		"jku": "http://127.0.0.1:1/keys", "x5u": "http://127.0.0.1:1/cert", "x5c": []string{"AAAA"},
	}))
	require.ErrorIs(t, err, auth.ErrToken)
}

func TestPublicKeysThatAreRefused(t *testing.T) {
	t.Parallel()
	weak, err := rsa.GenerateKey(rand.Reader, 1024) // weak on purpose
	require.NoError(t, err)
	curve, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	require.NoError(t, err)
	private, err := x509.MarshalPKCS8PrivateKey(newEd(t).key)
	require.NoError(t, err)
	good := newEd(t).pem(t)
	for name, text := range map[string][]byte{
		"no PEM":            []byte("0123456789abcdef0123456789abcdef"),
		"something behind":  append(append([]byte{}, good...), "and so on"...),
		"1024 bits":         signer{key: weak}.pem(t),
		"P-224":             signer{key: curve}.pem(t),
		"a private key":     pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
		"no key inside":     pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte("secret words")}),
		"no PKCS 1 inside":  pem.EncodeToMemory(&pem.Block{Type: "RSA PUBLIC KEY", Bytes: []byte("secret words")}),
		"no certificate":    pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("secret words")}),
		"a good one before": append(append([]byte{}, good...), signer{key: curve}.pem(t)...),
	} {
		_, err := auth.NewVerifier(auth.TokenConfig{Issuers: []auth.Issuer{{PublicKeys: text}}})
		require.ErrorIs(t, err, auth.ErrTokenKey, name)
		require.NotContains(t, err.Error(), "secret words")
	}
}
