// Package auth says who may do what: the policies of namespaces, the keys of
// publishing services and the tokens of clients.
package auth

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/bellhop/bellhop/event"
)

// ErrPolicy is what every refusal of a policy wraps.
var ErrPolicy = errors.New("invalid policy")

// Access says which clients may listen to a namespace's channels.
type Access string

// The kinds of access.
const (
	AccessOwner         Access = "owner"         // the person whose id is the channel's key
	AccessPublic        Access = "public"        // everybody, without a token too
	AccessAuthenticated Access = "authenticated" // everybody with a valid token
	AccessMember        Access = "member"        // whoever has a token whose claim "channels" matches
)

// LogKind says where a namespace's events are kept.
type LogKind string

// The kinds of log. LogRedis is for what is worth little an hour later: such
// events never touch the database, may be lost with Redis, which is announced,
// and name one channel each. In an installation of one process, that process
// keeps them in its memory.
const (
	LogDatabase LogKind = "database"
	LogRedis    LogKind = "redis"
)

// Retention says how much of each channel is kept; what exceeds either limit is
// trimmed. Zero means no limit.
type Retention struct {
	MaxAge   time.Duration
	MaxCount int
}

// DefaultRetention is what a policy file's namespace gets that says nothing.
var DefaultRetention = Retention{MaxAge: 30 * 24 * time.Hour, MaxCount: 10_000}

// Policy is what a namespace allows and keeps.
type Policy struct {
	Access    Access
	Log       LogKind
	Retention Retention
	// Conflate lets a slow listener skip to the newest event of each type.
	Conflate bool
	// JoinLatest hands the newest event to a listener that comes without a
	// position; otherwise it starts with the next one.
	JoinLatest bool
	// MaxRate is the most events of one channel that a listener is sent each
	// second; zero means no limit. It needs Conflate: nothing else may skip.
	MaxRate int
	// Escalate says of which events the product is told that a person has not taken note
	// of; of inboxes only.
	Escalate []Escalation
}

// Policies are the namespaces of one installation. The value is immutable and
// safe for concurrent use; the zero value knows no namespace.
type Policies struct {
	byNamespace map[string]Policy
	webhooks    map[string]Webhook
	audit       time.Duration
}

// Builtin returns the policies that hold where no file says otherwise.
func Builtin() Policies {
	const day = 24 * time.Hour
	return Policies{byNamespace: map[string]Policy{
		event.InboxNamespace: {
			Access: AccessOwner, Log: LogDatabase,
			Retention: Retention{MaxAge: 90 * day, MaxCount: 1000},
		},
		"raffle": {
			Access: AccessPublic, Log: LogRedis,
			Retention: Retention{MaxAge: time.Hour, MaxCount: 100},
			Conflate:  true, JoinLatest: true, MaxRate: 10,
		},
		"topic": {
			Access: AccessPublic, Log: LogRedis,
			Retention: Retention{MaxAge: time.Hour, MaxCount: 100},
		},
		"room": {
			Access: AccessMember, Log: LogDatabase,
			Retention: Retention{MaxAge: 30 * day, MaxCount: 10_000},
		},
	}}
}

// NewPolicies checks policies and copies them. Its error wraps ErrPolicy and
// names the namespace. If the inbox namespace is missing, the built-in policy
// stands in for it: every installation has inboxes.
func NewPolicies(byNamespace map[string]Policy) (Policies, error) {
	for _, ns := range slices.Sorted(maps.Keys(byNamespace)) {
		if _, err := byNamespace[ns].validate(ns); err != nil {
			return Policies{}, fmt.Errorf("namespace %q: %w", ns, err)
		}
	}
	p := Policies{byNamespace: make(map[string]Policy, len(byNamespace)+1)}
	p.byNamespace[event.InboxNamespace] = Builtin().byNamespace[event.InboxNamespace]
	maps.Copy(p.byNamespace, byNamespace)
	return p, nil
}

// Lookup returns the policy of a namespace; ok is false if there is none.
func (p Policies) Lookup(namespace string) (policy Policy, ok bool) {
	policy, ok = p.byNamespace[namespace]
	return policy, ok
}

// Audit is for how long admin calls are kept in a table; zero means that they are not.
func (p Policies) Audit() time.Duration { return p.audit }

// Namespaces lists what is known, sorted.
func (p Policies) Namespaces() []string {
	return slices.Sorted(maps.Keys(p.byNamespace))
}

// validate refuses a policy that can't hold. member is the one of a policy file that is
// at fault; empty: no single one is.
func (p Policy) validate(namespace string) (member string, err error) {
	refuse := func(member, format string, args ...any) (string, error) {
		return member, fmt.Errorf("%w: %s", ErrPolicy, fmt.Sprintf(format, args...))
	}
	switch {
	case !event.ValidNamespace(namespace):
		return refuse("", "a namespace is a lower-case letter, then at most %d of a-z, 0-9 and '-'", event.MaxNamespace-1)
	case namespace == adminRight:
		return refuse("", "the name stands for the admin right of service keys")
	case namespace == event.InboxNamespace && p.Access != AccessOwner:
		return refuse("access", "access of the inboxes must be %q", AccessOwner)
	case !slices.Contains([]Access{AccessOwner, AccessPublic, AccessAuthenticated, AccessMember}, p.Access):
		return refuse("access", "access %q is none of owner, public, authenticated, member", p.Access)
	case p.Log != LogDatabase && p.Log != LogRedis:
		return refuse("log", "log %q is neither database nor redis", p.Log)
	case p.Retention.MaxAge < 0 || p.Retention.MaxCount < 0:
		return refuse("max_count", "a retention is not negative") // a file has no negative age
	case p.Log == LogRedis && namespace == event.InboxNamespace:
		return refuse("log", "inboxes are kept in the database")
	case p.Log == LogRedis && (p.Retention.MaxAge == 0 || p.Retention.MaxCount == 0):
		return refuse("", "with log %q a retention has both limits: Redis holds all of it in memory", LogRedis)
	case len(p.Escalate) > 0 && namespace != event.InboxNamespace:
		return refuse("", "escalate is for the inboxes, namespace %q: nobody reads other channels one by one", event.InboxNamespace)
	case p.MaxRate < 0:
		return refuse("max_rate", "max_rate is not negative")
	case p.MaxRate > 0 && !p.Conflate:
		return refuse("max_rate", "max_rate needs conflate: other namespaces never skip an event")
	}
	return "", nil
}
