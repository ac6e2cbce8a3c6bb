package auth_test

import (
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
)

// issuersFile writes a file of issuers, with keys beside it.
func issuersFile(t *testing.T, text string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"issuers.yaml": text, "secrets": otherSecret + "\n" + secret + "\n", "keys.pem": string(newEd(t).pem(t)), "empty": "", "short": "short",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
	return filepath.Join(dir, "issuers.yaml")
}

func TestLoadIssuers(t *testing.T) {
	t.Parallel()
	issuers, err := auth.LoadIssuers(issuersFile(t, `
issuers:
  - {name: own, secrets_file: secrets}
  - name: partner
    issuer: https://id.partner.example
    audience: bellhop
    public_keys_file: keys.pem
    jwks_url: https://id.partner.example/keys
    user_claim: realm.user_id
    subject_prefix: "partner:"
  - {name: found, issuer: https://id.example, audience: bellhop, subject_prefix: "b:"}
`))
	require.NoError(t, err)
	require.Len(t, issuers, 3)
	require.Equal(t, []string{otherSecret, secret}, issuers[0].Secrets)
	require.False(t, issuers[0].HasKeySet())
	require.NotEmpty(t, issuers[1].PublicKeys)
	issuers[1].PublicKeys = nil
	require.Equal(t, auth.Issuer{
		Name: "partner", Issuer: "https://id.partner.example", Audience: "bellhop", KeySetURL: "https://id.partner.example/keys",
		UserClaim: "realm.user_id", SubjectPrefix: "partner:",
	}, issuers[1])
	require.True(t, issuers[2].Discover)
}

func TestIssuersThatAreRefused(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                      "want a list of issuers",
		"issuers: []":                           "want a list of issuers",
		"issuers:\n  - {secrets_file: secrets}": "line 2: invalid issuer: it has no name",
		"issuers:\n  - name: a\n    secret: x":  `line 3: invalid issuer: unknown field "secret"`,
		"issuers:\n  - name: a\n    secrets_file: nowhere":                                       "line 3: invalid issuer: open ",
		"issuers:\n  - name: a\n    secrets_file: empty":                                         `line 2: issuer "a": invalid token key: there is none`,
		"issuers:\n  - name: a\n    secrets_file: short":                                         `line 2: issuer "a": secret 1: invalid token key: a secret has at least 32 bytes`,
		"issuers:\n  - name: a\n    public_keys_file: secrets":                                   `line 2: issuer "a": invalid token key: want public keys in PEM`,
		"issuers:\n  - name: a":                                                                  "a key set needs an issuer and an audience",
		"issuers:\n  - {name: a, issuer: shop, audience: b}":                                     "want https://host/path",
		"issuers:\n  - {name: a, issuer: http://id.example, audience: b}":                        "without TLS",
		"issuers:\n  - {name: a, issuer: https://id.example, audience: b, jwks_url: ftp://id/k}": "without TLS",
		"issuers: {name: a}":            "line 1: invalid issuer: ",
		"issuers: []\n---\nissuers: []": "want one document",
	} {
		_, err := auth.LoadIssuers(issuersFile(t, text))
		require.ErrorContains(t, err, want, text)
		require.NotContains(t, err.Error(), secret)
	}
	_, err := auth.LoadIssuers("/nowhere")
	require.ErrorIs(t, err, os.ErrNotExist)
}

// TestIssuerIsAskedWhereItsKeysAre, and answers for nobody else.
func TestIssuerIsAskedWhereItsKeysAre(t *testing.T) {
	t.Parallel()
	s, i := newRSA(t), newIssuer(t)
	i.publish(t, []signer{s})
	keys := *i.answer.Load()
	describe := func(issuer, uri string) {
		h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/tenant/.well-known/openid-configuration" {
				_, _ = w.Write([]byte(`{"issuer":"` + issuer + `","jwks_uri":"` + uri + `"}`))
				return
			}
			keys(w, r)
		})
		i.answer.Store(&h)
	}
	open := func() *auth.JWKS {
		set, err := auth.OpenJWKS(auth.JWKSConfig{Issuer: i.URL + "/tenant", Retry: 10 * time.Millisecond, Logger: slog.New(slog.DiscardHandler)})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, set.Close()) })
		return set
	}
	for _, bad := range [][2]string{{i.URL + "/other", i.URL + "/keys"}, {i.URL + "/tenant", "http://id.example/keys"}, {i.URL + "/tenant", ""}} {
		describe(bad[0], bad[1])
		require.ErrorIs(t, open().Ready(t.Context()), auth.ErrKeysUnread)
	}
	describe(i.URL+"/tenant", i.URL+"/keys")
	v := verifier(t, func(c *auth.Issuer) {
		c.Secrets, c.JWKS, c.Issuer, c.Audience = nil, open(), i.URL+"/tenant", "bellhop"
	})
	_, err := v.Verify(s.token(t, claimsWith(func(c jwt.MapClaims) { c["iss"], c["aud"] = i.URL+"/tenant", "bellhop" }), nil))
	require.NoError(t, err)
}
