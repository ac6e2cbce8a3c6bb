package auth

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/bellhop/bellhop/event"
)

// Claims are what a verified token says.
type Claims struct {
	// Subject is the person, as the token names them, behind the prefix of the
	// token's issuer if it has one.
	Subject string
	// IssuedAt is zero if the token does not say.
	IssuedAt time.Time
	// Expires is the moment from which on the token is no good.
	Expires time.Time
	// Channels are patterns of the channels whose member the person is:
	// "room:7", or "room:*" for all that begin so.
	Channels []string

	inbox event.Channel // of a verified token
}

// Inbox is the subject's own channel; none for a subject that has none, which no
// verified token has.
func (c *Claims) Inbox() event.Channel {
	if c.inbox != "" {
		return c.inbox
	}
	inbox, err := event.Inbox(c.Subject)
	if err != nil {
		return ""
	}
	return inbox
}

// wireClaims are the claims as they stand in the token.
type wireClaims struct {
	jwt.RegisteredClaims
	Channels jwt.ClaimStrings `json:"channels,omitempty"`
	// members are all claims of a token that was parsed.
	members map[string]json.RawMessage
}

// UnmarshalJSON implements json.Unmarshaler. The names of claims are compared exactly
// (RFC 7519, section 7.3); encoding/json would take "SUB" for "sub", and what an
// issuer lets people write into a claim of their own for who they are.
func (c *wireClaims) UnmarshalJSON(text []byte) error {
	if err := json.Unmarshal(text, &c.members); err != nil {
		return err
	}
	for name, claim := range map[string]any{
		"iss": &c.Issuer, "aud": &c.Audience, "channels": &c.Channels,
		"exp": &date{&c.ExpiresAt}, "nbf": &date{&c.NotBefore}, "iat": &date{&c.IssuedAt},
	} {
		if value, ok := c.members[name]; ok {
			if err := json.Unmarshal(value, claim); err != nil {
				return fmt.Errorf("claim %s: %w", name, err)
			}
		}
	}
	return nil
}

// farthest is how far from 1970 a date of a token counts, in seconds: 34,000 years.
const farthest = 1 << 40

// date reads a time. One that no time.Time can hold, which some issuers write for
// "never", would come out as one in the past.
type date struct{ at **jwt.NumericDate }

// UnmarshalJSON implements json.Unmarshaler.
func (d *date) UnmarshalJSON(text []byte) error {
	var n json.Number
	if err := json.Unmarshal(text, &n); err != nil {
		return err
	}
	if seconds, _ := n.Float64(); math.Abs(seconds) > farthest {
		*d.at = jwt.NewNumericDate(time.Unix(int64(math.Copysign(farthest, seconds)), 0))
		return nil
	}
	return json.Unmarshal(text, d.at)
}

// user is the claim that says who it is: a text, or a whole number, which is the
// person of its digits. A number that can be written in two ways, such as -0, would be
// two people.
func (c *wireClaims) user(claim string) (string, error) {
	value, ok := member(c.members, claim)
	if !ok {
		return "", ErrTokenClaim
	}
	var text string
	var number json.Number
	switch {
	case json.Unmarshal(value, &text) == nil && value[0] == '"':
		return text, nil
	case json.Unmarshal(value, &number) == nil && !strings.ContainsAny(number.String(), ".eE") && number != "-0":
		return number.String(), nil
	}
	return "", ErrTokenSubject
}

// member finds a claim by its path. A dot leads into an object, unless a name of
// the token has it: "https://example.com/id" is a usual name of a claim.
func member(object map[string]json.RawMessage, path string) (json.RawMessage, bool) {
	if value, ok := object[path]; ok {
		return value, true
	}
	for i := len(path) - 1; i > 0; i-- {
		var inner map[string]json.RawMessage
		if path[i] != '.' || json.Unmarshal(object[path[:i]], &inner) != nil {
			continue
		}
		if value, ok := member(inner, path[i+1:]); ok {
			return value, true
		}
	}
	return nil, false
}

// SignToken makes a token: for tools, tests and the demo. In production the
// product's own sign-in does. The secret's length and the subject are checked
// as a Verifier would; a zero IssuedAt is left out.
func SignToken(secret string, c Claims) (string, error) {
	if err := checkSecret([]byte(secret)); err != nil {
		return "", err
	}
	if _, err := event.Inbox(c.Subject); err != nil {
		return "", err
	}
	if c.Expires.IsZero() {
		return "", errors.New("a token must expire")
	}
	wire := wireClaims{Channels: c.Channels}
	wire.Subject = c.Subject
	wire.ExpiresAt = jwt.NewNumericDate(c.Expires)
	if !c.IssuedAt.IsZero() {
		wire.IssuedAt = jwt.NewNumericDate(c.IssuedAt)
	}
	return jwt.NewWithClaims(jwt.SigningMethodHS256, &wire).SignedString([]byte(secret))
}
