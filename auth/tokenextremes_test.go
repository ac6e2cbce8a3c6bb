package auth_test

import (
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
)

// TestDatesThatNoClockHoldsStayInTheirOrder: what lies beyond all years is neither
// expired nor valid already.
func TestDatesThatNoClockHoldsStayInTheirOrder(t *testing.T) {
	t.Parallel()
	for _, far := range []jsonNumber{"1e30", "9223372036854775807", "1e13", "1e400", `"1e30"`} {
		for claim, want := range map[string]error{"nbf": auth.ErrTokenEarly, "iat": auth.ErrTokenEarly, "exp": auth.ErrTokenLife} {
			for _, sign := range []jsonNumber{"", "-"} {
				if sign != "" && far[0] == '"' {
					continue
				}
				_, err := verifier(t, nil).Verify(signed(t, func(c jwt.MapClaims) { c[claim] = sign + far }))
				switch {
				case sign == "":
					require.ErrorIs(t, err, want, "%s %s", claim, far)
				case claim == "nbf":
					require.NoError(t, err, "-%s", far)
				case claim == "exp":
					require.ErrorIs(t, err, auth.ErrTokenExpired, "-%s", far)
				default:
					require.ErrorIs(t, err, auth.ErrTokenLife, "-%s", far)
				}
			}
		}
	}
	for _, none := range []jsonNumber{`"soon"`, "true", "{}", "[1]"} {
		_, err := verifier(t, nil).Verify(signed(t, func(c jwt.MapClaims) { c["nbf"] = none }))
		require.ErrorIs(t, err, auth.ErrTokenMalformed, none)
	}
	_, err := verifier(t, nil).Verify(signed(t, func(c jwt.MapClaims) { c["nbf"], c["iat"] = nil, nil }))
	require.NoError(t, err, "null is none")
}

// TestOneNumberIsOnePerson: a number that has a second spelling names nobody.
func TestOneNumberIsOnePerson(t *testing.T) {
	t.Parallel()
	for _, number := range []jsonNumber{"0", "-7", "9007199254740993", "123456789012345678901234567890"} {
		c, err := verifier(t, nil).Verify(signed(t, func(c jwt.MapClaims) { c["sub"] = number }))
		require.NoError(t, err, number)
		require.Equal(t, string(number), c.Subject)
	}
	for _, number := range []jsonNumber{"-0", "42.0", "1e3", "1E3", "-0.0"} {
		_, err := verifier(t, nil).Verify(signed(t, func(c jwt.MapClaims) { c["sub"] = number }))
		require.ErrorIs(t, err, auth.ErrTokenSubject, number)
	}
}

func signed(t *testing.T, change func(jwt.MapClaims)) string {
	t.Helper()
	return sign(t, jwt.SigningMethodHS256, []byte(secret), claimsWith(change))
}
