package auth

import (
	"slices"
	"strings"

	"github.com/bellhop/bellhop/event"
)

// Decision is the answer to the question whether somebody may open a channel.
type Decision int

// The decisions. The zero value refuses.
const (
	Forbidden  Decision = iota // a valid token that does not open this channel (403)
	NeedsToken                 // a token might open it, and there was none (401)
	Allowed
)

// May decides whether the bearer of claims may listen to a channel; nil claims
// are an anonymous request. Anonymous people learn nothing about which
// namespaces exist: but for public ones, all ask them for a token.
func (p Policies) May(claims *Claims, ch event.Channel) Decision {
	policy, known := p.Lookup(ch.Namespace())
	switch {
	case known && policy.Access == AccessPublic:
		return Allowed
	case claims == nil:
		return NeedsToken
	case known && policy.Access.opens(claims, ch):
		return Allowed
	}
	return Forbidden
}

// opens tells whether a valid token opens a channel of this access.
func (a Access) opens(claims *Claims, ch event.Channel) bool {
	switch a {
	case AccessPublic, AccessAuthenticated:
		return true
	case AccessOwner:
		return ch.Key() == claims.Inbox().Key()
	case AccessMember:
		return slices.ContainsFunc(claims.Channels, func(pattern string) bool { return matches(pattern, ch) })
	}
	return false
}

// matches tells whether a pattern of the claim "channels" covers a channel. A
// star at its end stands for any rest, of the key only: "room:*" and "room:eu-*"
// are patterns; "*" and "ro*" are none and match nothing, so that a claim made
// for one namespace never opens another.
func matches(pattern string, ch event.Channel) bool {
	prefix, open := strings.CutSuffix(pattern, "*")
	if !open {
		return pattern == string(ch)
	}
	return strings.Contains(prefix, ":") && strings.HasPrefix(string(ch), prefix)
}
