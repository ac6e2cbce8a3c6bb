package auth_test

import (
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
)

// clock is one that a test sets.
type clock struct{ at atomic.Int64 }

func (c *clock) set(t time.Time) { c.at.Store(t.UnixNano()) }
func (c *clock) now() time.Time  { return time.Unix(0, c.at.Load()) }

// clocked is a verifier with a clock, and a leeway of a second and a half.
func clocked(t *testing.T) (*auth.Verifier, *clock) {
	t.Helper()
	c := new(clock)
	c.set(now)
	v, err := auth.NewVerifier(auth.TokenConfig{Issuers: []auth.Issuer{{Secrets: []string{secret}}}, Now: c.now, Leeway: 1500 * time.Millisecond})
	require.NoError(t, err)
	return v, c
}

func hs256(t *testing.T, change func(jwt.MapClaims)) string {
	t.Helper()
	return sign(t, jwt.SigningMethodHS256, []byte(secret), claimsWith(change))
}

// TestKnownTokenIsNotVerifiedAgain: whoever comes back costs no signature.
func TestKnownTokenIsNotVerifiedAgain(t *testing.T) {
	t.Parallel()
	v, _ := clocked(t)
	token := hs256(t, nil)
	first, err := v.Verify(token)
	require.NoError(t, err)
	again, err := v.Verify(token)
	require.NoError(t, err)
	require.Same(t, first, again)
	require.EqualValues(t, "user:42", again.Inbox())
	v.Forget()
	require.False(t, v.Knows(token))
	anew, err := v.Verify(token)
	require.NoError(t, err)
	require.NotSame(t, first, anew)
	require.Equal(t, first, anew)
}

// TestKnownTokenIsGoodForNoLonger than one that nobody knows, whichever way the clock
// is set.
func TestKnownTokenIsGoodForNoLonger(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		change func(jwt.MapClaims)
		good   []time.Duration // from now, when it is
		bad    time.Duration
		err    error
	}{
		"exp":         {func(c jwt.MapClaims) { c["exp"] = now.Add(time.Minute).Unix() }, []time.Duration{0, time.Minute - 1}, time.Minute, auth.ErrTokenExpired},
		"nbf":         {func(c jwt.MapClaims) { c["nbf"] = now.Unix() }, []time.Duration{0, -time.Second}, -1501 * time.Millisecond, auth.ErrTokenEarly},
		"iat":         {func(c jwt.MapClaims) { c["iat"] = now.Unix() }, []time.Duration{0, -time.Second}, -1501 * time.Millisecond, auth.ErrTokenEarly},
		"without iat": {func(c jwt.MapClaims) { c["exp"] = now.Add(auth.MaxTokenLife).Unix() }, []time.Duration{0, time.Hour}, -1, auth.ErrTokenLife},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, c := clocked(t)
			token := hs256(t, tc.change)
			for _, d := range tc.good {
				c.set(now.Add(d))
				_, err := v.Verify(token)
				require.NoError(t, err, d)
				require.True(t, v.Knows(token), d)
			}
			c.set(now.Add(tc.bad))
			_, err := v.Verify(token)
			require.ErrorIs(t, err, tc.err)
		})
	}
}

// TestRefusedTokenIsNotRemembered, nor one that differs from a known one by a letter.
func TestRefusedTokenIsNotRemembered(t *testing.T) {
	t.Parallel()
	v, _ := clocked(t)
	good := hs256(t, nil)
	_, err := v.Verify(good)
	require.NoError(t, err)
	last := byte('A')
	if good[len(good)-5] == last {
		last = 'B'
	}
	for _, bad := range []string{
		good[:len(good)-5] + string(last) + good[len(good)-4:],
		sign(t, jwt.SigningMethodHS256, []byte(otherSecret), claimsWith(nil)),
		hs256(t, func(c jwt.MapClaims) { c["exp"] = now.Unix() }),
	} {
		for range 2 {
			_, err := v.Verify(bad)
			require.ErrorIs(t, err, auth.ErrToken)
		}
	}
	require.Equal(t, 1, v.Remembered())
}

// TestRememberedTokensAreBounded: those that were used last stay.
func TestRememberedTokensAreBounded(t *testing.T) {
	t.Parallel()
	const most = 10
	v, _ := clocked(t)
	v.RememberAtMost(most)
	often := hs256(t, nil)
	for i := range 5 * most {
		_, err := v.Verify(hs256(t, func(c jwt.MapClaims) { c["sub"] = strconv.Itoa(i) }))
		require.NoError(t, err)
		_, err = v.Verify(often)
		require.NoError(t, err)
		require.LessOrEqual(t, v.Remembered(), most)
		require.True(t, v.Knows(often))
	}
	require.False(t, v.Knows(hs256(t, func(c jwt.MapClaims) { c["sub"] = "0" })))
}

// TestKnownTokenEndsWithItsKey: a key that its issuer takes out of the set is no good
// for anybody, however lately they were judged by it.
func TestKnownTokenEndsWithItsKey(t *testing.T) {
	t.Parallel()
	stays, goes, i := newEC(t), newRSA(t), newIssuer(t)
	i.publish(t, []signer{stays, goes})
	v := jwksVerifier(t, i, func(c *auth.JWKSConfig) { c.Refresh = 5 * time.Millisecond })
	good, bad := stays.token(t, claimsWith(issued), nil), goes.token(t, claimsWith(issued), nil)
	var all sync.WaitGroup
	refused := make(chan struct{})
	for range 4 { // while the set is read and forgotten all the time
		all.Go(func() {
			for {
				select {
				case <-refused:
					return
				case <-time.After(100 * time.Microsecond):
				}
				if _, err := v.Verify(good); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	_, err := v.Verify(bad)
	require.NoError(t, err)
	i.publish(t, []signer{stays})
	require.Eventually(t, func() bool {
		_, err := v.Verify(bad)
		return err != nil
	}, 10*time.Second, time.Millisecond)
	for range 100 {
		_, err := v.Verify(bad)
		require.ErrorIs(t, err, auth.ErrTokenKeyless)
	}
	close(refused)
	all.Wait()
	require.Eventually(t, func() bool { // once nothing comes in between
		_, err := v.Verify(good)
		return err == nil && v.Knows(good)
	}, 10*time.Second, time.Millisecond)
}

func BenchmarkVerify(b *testing.B) {
	v, err := auth.NewVerifier(auth.TokenConfig{Issuers: []auth.Issuer{{Secrets: []string{secret}}}})
	require.NoError(b, err)
	token, err := auth.SignToken(secret, auth.Claims{Subject: "load-42", Expires: time.Now().Add(time.Hour)})
	require.NoError(b, err)
	for name, before := range map[string]func(){"new": v.Forget, "known": func() {}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				before()
				if _, err := v.Verify(token); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
