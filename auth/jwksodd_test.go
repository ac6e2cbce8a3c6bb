package auth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
)

// TestJWKSKeysOfTwoKindsUnderOneName: an issuer that goes over to another algorithm
// may keep the name, with one key in place of the other or with both.
func TestJWKSKeysOfTwoKindsUnderOneName(t *testing.T) {
	t.Parallel()
	older, newer, i := newRSA(t), newEC(t), newIssuer(t)
	older.kid, newer.kid = "default", "default"
	i.publish(t, []signer{older})
	v := jwksVerifier(t, i, nil)
	i.publish(t, []signer{newer})
	_, err := v.Verify(newer.token(t, claimsWith(issued), nil))
	require.NoError(t, err, "replaced by one of another kind")
	require.EqualValues(t, 2, i.asked.Load(), "one reading does it")
	_, err = v.Verify(older.token(t, claimsWith(issued), nil))
	require.ErrorIs(t, err, auth.ErrTokenKeyless)

	i = newIssuer(t)
	i.publish(t, []signer{older, newer})
	v = jwksVerifier(t, i, nil)
	for _, s := range []signer{older, newer} {
		_, err := v.Verify(s.token(t, claimsWith(issued), nil))
		require.NoError(t, err, "both, by %s", s.method.Alg())
	}
	require.EqualValues(t, 1, i.asked.Load())
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	_, err = v.Verify(signer{jwt.SigningMethodES384, p384, "default"}.token(t, claimsWith(issued), nil))
	require.ErrorIs(t, err, auth.ErrTokenKeyless, "of no third kind")
}

// TestJWKSPassesOverKeysThatItCannotRead (RFC 7517, section 5): they shut nobody out
// whose key stands beside them.
func TestJWKSPassesOverKeysThatItCannotRead(t *testing.T) {
	t.Parallel()
	s := newEC(t)
	good := jwk(t, s)
	var halved map[string]string
	require.NoError(t, json.Unmarshal([]byte(good), &halved))
	delete(halved, "y")
	half, err := json.Marshal(halved)
	require.NoError(t, err)
	for _, odd := range []string{
		string(half),
		strings.Replace(good, `"P-256"`, `"secp256k1"`, 1),
		`{"kty":"AKP","kid":"pq-1","alg":"ML-DSA-44","pub":"AAAA"}`,
		`{"kty":"RSA","kid":"r","n":"!!","e":"AQAB"}`,
		`{"kty":"RSA","kid":"r","use":"tls","n":"AQAB","e":"AQAB"}`,
		`{"kty":"EC","kid":"x","x5c":["no certificate"]}`,
		`{"kid":7}`,
		`"a text"`, `null`,
	} {
		i := newIssuer(t)
		i.publish(t, []signer{s}, odd)
		v := jwksVerifier(t, i, nil)
		_, err := v.Verify(s.token(t, claimsWith(issued), nil))
		require.NoError(t, err, odd)
		// Nothing but such keys is no set: the last one stays good.
		i.says(http.StatusOK, `{"keys":[`+odd+`]}`)
		other := newEC(t)
		other.kid = "ec-2"
		_, err = v.Verify(other.token(t, claimsWith(issued), nil))
		require.ErrorIs(t, err, auth.ErrTokenKeyless)
		require.EqualValues(t, 2, i.asked.Load())
		_, err = v.Verify(s.token(t, claimsWith(func(c jwt.MapClaims) { issued(c); c["jti"] = "2" }), nil))
		require.NoError(t, err, odd)
	}
}
