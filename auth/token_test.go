package auth_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/event"
)

const (
	secret      = "0123456789abcdef0123456789abcdef"
	otherSecret = "fedcba9876543210fedcba9876543210"
)

var now = time.Date(2026, 11, 21, 20, 0, 0, 0, time.UTC)

// verifier is one of a single issuer.
func verifier(t *testing.T, change func(*auth.Issuer)) *auth.Verifier {
	t.Helper()
	issuer := auth.Issuer{Secrets: []string{secret}}
	if change != nil {
		change(&issuer)
	}
	v, err := auth.NewVerifier(auth.TokenConfig{Issuers: []auth.Issuer{issuer}, Now: func() time.Time { return now }})
	require.NoError(t, err)
	return v
}

// claimsAt is a good token's claims, changed.
func claimsWith(change func(jwt.MapClaims)) jwt.MapClaims {
	c := jwt.MapClaims{"sub": "42", "exp": now.Add(time.Hour).Unix()}
	if change != nil {
		change(c)
	}
	return c
}

func sign(t *testing.T, method jwt.SigningMethod, key any, claims jwt.MapClaims) string {
	t.Helper()
	s, err := jwt.NewWithClaims(method, claims).SignedString(key)
	require.NoError(t, err)
	return s
}

func TestVerifyTells(t *testing.T) {
	t.Parallel()
	token := sign(t, jwt.SigningMethodHS256, []byte(secret), claimsWith(func(c jwt.MapClaims) {
		c["iat"] = now.Add(-time.Minute).Unix()
		c["channels"] = []string{"room:*", "room:7"}
	}))
	c, err := verifier(t, nil).Verify(token)
	require.NoError(t, err)
	require.Equal(t, "42", c.Subject)
	require.EqualValues(t, "user:42", c.Inbox())
	require.True(t, c.Expires.Equal(now.Add(time.Hour)))
	require.True(t, c.IssuedAt.Equal(now.Add(-time.Minute)))
	require.Equal(t, []string{"room:*", "room:7"}, c.Channels)
}

func TestVerifyJudgesTimes(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		claim string
		at    time.Duration
		want  error
	}{
		"exp in a second":       {"exp", time.Second, nil},
		"exp now":               {"exp", 0, auth.ErrTokenExpired},
		"exp has no leeway":     {"exp", -time.Second, auth.ErrTokenExpired},
		"exp long ago":          {"exp", -time.Hour, auth.ErrTokenExpired},
		"nbf within the leeway": {"nbf", time.Minute, nil},
		"nbf beyond the leeway": {"nbf", time.Minute + time.Second, auth.ErrTokenEarly},
		"iat within the leeway": {"iat", time.Minute, nil},
		"iat beyond the leeway": {"iat", time.Minute + time.Second, auth.ErrTokenEarly},
		"iat in the past":       {"iat", -time.Hour, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			token := sign(t, jwt.SigningMethodHS256, []byte(secret),
				claimsWith(func(c jwt.MapClaims) { c[tc.claim] = now.Add(tc.at).Unix() }))
			_, err := verifier(t, nil).Verify(token)
			if tc.want == nil {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, tc.want)
			require.ErrorIs(t, err, auth.ErrToken)
		})
	}
}

func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	good := sign(t, jwt.SigningMethodHS256, []byte(secret), claimsWith(nil))
	head, rest, _ := strings.Cut(good, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	with := func(change func(jwt.MapClaims)) string {
		return sign(t, jwt.SigningMethodHS256, []byte(secret), claimsWith(change))
	}
	critical := jwt.NewWithClaims(jwt.SigningMethodHS256, claimsWith(nil))
	critical.Header["crit"] = []string{"b64"}
	criticalToken, err := critical.SignedString([]byte(secret))
	require.NoError(t, err)

	for name, token := range map[string]string{
		"empty":                "",
		"no token":             "hello",
		"two parts":            head + "." + payload,
		"signature cut":        good[:len(good)-2],
		"signature of another": sign(t, jwt.SigningMethodHS256, []byte(otherSecret), claimsWith(nil)),
		"payload exchanged":    head + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"1","exp":9999999999}`)) + "." + signature,
		"algorithm none":       sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, claimsWith(nil)),
		"RS256":                sign(t, jwt.SigningMethodRS256, rsaKey, claimsWith(nil)),
		"critical extension":   criticalToken,
		"no exp":               with(func(c jwt.MapClaims) { delete(c, "exp") }),
		"exp is a text":        with(func(c jwt.MapClaims) { c["exp"] = "tomorrow" }),
		"no sub":               with(func(c jwt.MapClaims) { delete(c, "sub") }),
		"sub too long":         with(func(c jwt.MapClaims) { c["sub"] = strings.Repeat("a", 1025) }),
		"channels is a number": with(func(c jwt.MapClaims) { c["channels"] = 7 }),
		"too long":             with(func(c jwt.MapClaims) { c["pad"] = strings.Repeat("a", 9000) }),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			claims, err := verifier(t, nil).Verify(token)
			require.ErrorIs(t, err, auth.ErrToken)
			require.NotErrorIs(t, err, auth.ErrTokenExpired)
			require.Nil(t, claims)
			if len(token) > 20 {
				require.NotContains(t, err.Error(), token[:20])
			}
		})
	}
}

// TestVerifyBoundsTheLifeOfTokens: a lock-out is remembered no longer than that.
func TestVerifyBoundsTheLifeOfTokens(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		iat time.Duration // 0: none
		exp time.Duration
		ok  bool
	}{
		"the longest":               {0, auth.MaxTokenLife, true},
		"a second more":             {0, auth.MaxTokenLife + time.Second, false},
		"the longest, from its iat": {-time.Hour, auth.MaxTokenLife - time.Hour, true},
		"a second more than that":   {-time.Hour, auth.MaxTokenLife - time.Hour + time.Second, false},
		"old":                       {-2 * auth.MaxTokenLife, time.Hour, false},
		"as good as for ever":       {0, 1 << 62, false},
	} {
		_, err := verifier(t, nil).Verify(sign(t, jwt.SigningMethodHS256, []byte(secret), claimsWith(func(c jwt.MapClaims) {
			c["exp"] = now.Add(tc.exp).Unix()
			if tc.iat != 0 {
				c["iat"] = now.Add(tc.iat).Unix()
			}
		})))
		if tc.ok {
			require.NoError(t, err, name)
		} else {
			require.ErrorIs(t, err, auth.ErrToken, name)
			require.NotErrorIs(t, err, auth.ErrTokenExpired, name)
		}
	}
}

// TestAttackLookAlikeClaims: what an issuer lets people write into a claim of another
// name says nothing about who they are.
func TestAttackLookAlikeClaims(t *testing.T) {
	t.Parallel()
	v := verifier(t, func(c *auth.Issuer) { c.Issuer, c.Audience = "shop", "bellhop" })
	claims, err := v.Verify(sign(t, jwt.SigningMethodHS256, []byte(secret), claimsWith(func(c jwt.MapClaims) {
		c["iss"], c["aud"], c["iat"] = "shop", "bellhop", now.Unix()
		c["SUB"], c["Sub"], c["sUb"], c["Channels"], c["IAT"] = "tom", "tom", "tom", []string{"room:*"}, 0
		c["Exp"], c["Iss"], c["Aud"], c["Nbf"] = now.Add(2*time.Hour).Unix(), "evil", "mail", now.Add(time.Hour).Unix()
	})))
	require.NoError(t, err)
	require.Equal(t, "42", claims.Subject)
	require.Empty(t, claims.Channels)
	require.True(t, claims.IssuedAt.Equal(now))
	require.True(t, claims.Expires.Equal(now.Add(time.Hour)))
	for _, name := range []string{"sub", "exp", "iss", "aud"} {
		_, err := v.Verify(sign(t, jwt.SigningMethodHS256, []byte(secret), claimsWith(func(c jwt.MapClaims) {
			c["iss"], c["aud"] = "shop", "bellhop"
			c[strings.ToUpper(name)] = c[name]
			delete(c, name)
		})))
		require.ErrorIs(t, err, auth.ErrToken, name)
	}
}

func TestVerifyIssuerAndAudience(t *testing.T) {
	t.Parallel()
	v := verifier(t, func(c *auth.Issuer) { c.Issuer, c.Audience = "shop", "bellhop" })
	for name, tc := range map[string]struct {
		change func(jwt.MapClaims)
		ok     bool
	}{
		"both":             {func(c jwt.MapClaims) { c["iss"], c["aud"] = "shop", []string{"x", "bellhop"} }, true},
		"audience alone":   {func(c jwt.MapClaims) { c["aud"] = "bellhop" }, false},
		"another issuer":   {func(c jwt.MapClaims) { c["iss"], c["aud"] = "evil", "bellhop" }, false},
		"another audience": {func(c jwt.MapClaims) { c["iss"], c["aud"] = "shop", "mail" }, false},
	} {
		_, err := v.Verify(sign(t, jwt.SigningMethodHS256, []byte(secret), claimsWith(tc.change)))
		if tc.ok {
			require.NoError(t, err, name)
		} else {
			require.ErrorIs(t, err, auth.ErrToken, name)
		}
	}
}

func TestSecretsCanBeReplaced(t *testing.T) {
	t.Parallel()
	v := verifier(t, func(c *auth.Issuer) { c.Secrets = []string{otherSecret, secret} })
	for _, s := range []string{secret, otherSecret} {
		_, err := v.Verify(sign(t, jwt.SigningMethodHS256, []byte(s), claimsWith(nil)))
		require.NoError(t, err)
	}
}

func TestNewVerifierRefusesWeakKeys(t *testing.T) {
	t.Parallel()
	for _, secrets := range [][]string{nil, {""}, {secret[:31]}, {secret, "short"}} {
		_, err := auth.NewVerifier(auth.TokenConfig{Issuers: []auth.Issuer{{Secrets: secrets}}})
		require.ErrorIs(t, err, auth.ErrTokenKey)
		require.NotContains(t, err.Error(), secret[:31])
	}
}

func TestSignTokenMakesWhatVerifyTakes(t *testing.T) {
	t.Parallel()
	want := auth.Claims{Subject: "mina", IssuedAt: now, Expires: now.Add(time.Minute), Channels: []string{"room:*"}}
	token, err := auth.SignToken(secret, want)
	require.NoError(t, err)
	got, err := verifier(t, nil).Verify(token)
	require.NoError(t, err)
	require.Equal(t, want.Subject, got.Subject)
	require.Equal(t, want.Channels, got.Channels)
	require.True(t, want.Expires.Equal(got.Expires))
	require.True(t, want.IssuedAt.Equal(got.IssuedAt))

	_, err = auth.SignToken("short", want)
	require.ErrorIs(t, err, auth.ErrTokenKey)
	_, err = auth.SignToken(secret, auth.Claims{Expires: now})
	require.ErrorIs(t, err, event.ErrSubject)
	_, err = auth.SignToken(secret, auth.Claims{Subject: "a"})
	require.Error(t, err)
}

//fuzz:least 1000
func FuzzVerify(f *testing.F) {
	v, err := auth.NewVerifier(auth.TokenConfig{Issuers: []auth.Issuer{{Secrets: []string{secret}}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("a.b.c")
	f.Add("eyJhbGciOiJub25lIn0.eyJzdWIiOiI0MiJ9.")
	f.Fuzz(func(t *testing.T, token string) {
		// Nobody guesses a signature: what is not signed here never passes.
		_, err := v.Verify(token)
		require.ErrorIs(t, err, auth.ErrToken)
	})
}
