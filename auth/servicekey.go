package auth

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"slices"
	"strings"

	"github.com/bellhop/bellhop/event"
)

// ErrServiceKey is what every refusal of a list of service keys wraps. No such
// error repeats a secret.
var ErrServiceKey = errors.New("invalid service key")

// adminRight is the word that stands among a key's namespaces for the right to
// administer.
const adminRight = "admin"

// maxServiceName is the longest name of a service, in bytes. The log keeps it
// with every idempotency key.
const maxServiceName = 64

var serviceName = regexp.MustCompile(fmt.Sprintf(`^[A-Za-z0-9._-]{1,%d}$`, maxServiceName))

// Service is who a service key belongs to, and what that key may do. The zero
// value may do nothing.
type Service struct {
	Name string
	// Admin: the key may purge channels.
	Admin      bool
	all        bool
	namespaces []string // sorted
}

// Operator is who acts on the console of a machine without a key.
func Operator() Service { return Service{Name: "console", Admin: true, all: true} }

// Outbox is who publishes what stands in a product's outbox. No key has its name.
func Outbox() Service { return Service{Name: "bellhop:outbox", all: true} }

// MayPublish tells whether the service may publish in a namespace. Whether that
// namespace exists is the policies' to say.
func (s Service) MayPublish(namespace string) bool {
	if s.all {
		return true
	}
	_, ok := slices.BinarySearch(s.namespaces, namespace)
	return ok
}

// ServiceKeys holds the keys of the publishing services as hashes: the secrets
// themselves are forgotten once parsed, so that nothing can print them. It is
// immutable and safe for concurrent use; the zero value accepts no secret.
type ServiceKeys struct {
	keys []serviceKey
}

type serviceKey struct {
	hash    [sha256.Size]byte
	service Service
	short   bool // the secret can be guessed
}

// goodSecret is how many bytes a secret has at least that nobody guesses.
const goodSecret = 16

// ParseServiceKeys reads "name=secret" and "name@namespace+namespace=secret",
// separated by commas. The first '=' ends the name, so a secret may hold further
// ones. A key without namespaces may publish in all of them; the namespace
// "admin" gives the admin right and nothing else. A name may occur several
// times, each time with its own secret and its own rights: that is how a secret
// is replaced without a gap. The empty string is a list without keys.
func ParseServiceKeys(list string) (ServiceKeys, error) {
	var parsed ServiceKeys
	if strings.TrimSpace(list) == "" {
		return parsed, nil
	}
	for i, item := range strings.Split(list, ",") {
		key, err := parseServiceKey(strings.TrimSpace(item))
		if err != nil {
			return ServiceKeys{}, fmt.Errorf("key %d: %w", i+1, err)
		}
		if slices.ContainsFunc(parsed.keys, func(k serviceKey) bool { return k.hash == key.hash }) {
			return ServiceKeys{}, fmt.Errorf("key %d (%s): %w: its secret is that of another key", i+1, key.service.Name, ErrServiceKey)
		}
		parsed.keys = append(parsed.keys, key)
	}
	return parsed, nil
}

func parseServiceKey(item string) (serviceKey, error) {
	who, secret, ok := strings.Cut(item, "=")
	if !ok {
		return serviceKey{}, fmt.Errorf("%w: want name=secret or name@namespace+namespace=secret", ErrServiceKey)
	}
	name, namespaces, restricted := strings.Cut(who, "@")
	switch {
	case !serviceName.MatchString(name):
		return serviceKey{}, fmt.Errorf("%w: a name is 1 to %d letters, digits, '.', '_' or '-'", ErrServiceKey, maxServiceName)
	case secret == "":
		return serviceKey{}, fmt.Errorf("%w: the secret of %s is empty", ErrServiceKey, name)
	case strings.ContainsFunc(secret, func(r rune) bool { return r <= ' ' || r > '~' }):
		// It could never arrive in a header.
		return serviceKey{}, fmt.Errorf("%w: the secret of %s holds something else than printable ASCII", ErrServiceKey, name)
	}
	s := Service{Name: name, all: !restricted}
	if restricted {
		for ns := range strings.SplitSeq(namespaces, "+") {
			switch {
			case ns == adminRight:
				s.Admin = true
			case event.ValidNamespace(ns):
				s.namespaces = append(s.namespaces, ns)
			default:
				return serviceKey{}, fmt.Errorf("%w: %s: %q is not a namespace", ErrServiceKey, name, ns)
			}
		}
		slices.Sort(s.namespaces)
	}
	return serviceKey{hash: sha256.Sum256([]byte(secret)), service: s, short: len(secret) < goodSecret}, nil
}

// Verify finds the service that a secret belongs to. How long it takes depends
// neither on which key fits nor on how nearly one does: hashes of one length are
// compared in constant time, and always all of them.
func (k ServiceKeys) Verify(secret string) (service Service, ok bool) {
	hash := sha256.Sum256([]byte(secret))
	found := -1
	for i := range k.keys {
		same := subtle.ConstantTimeCompare(hash[:], k.keys[i].hash[:])
		found = subtle.ConstantTimeSelect(same, i, found)
	}
	if found < 0 {
		return Service{}, false
	}
	return k.keys[found].service, true
}

// Doubts are what is not wrong with the keys and was hardly meant: secrets that can be
// guessed, and namespaces that have no policy.
func (k ServiceKeys) Doubts(policies Policies) (doubts []string) {
	for _, key := range k.keys {
		if key.short {
			doubts = append(doubts, fmt.Sprintf("the secret of %s is shorter than %d bytes", key.service.Name, goodSecret))
		}
		for _, ns := range key.service.namespaces {
			if _, known := policies.Lookup(ns); !known {
				doubts = append(doubts, fmt.Sprintf("%s may publish in %s, which has no policy", key.service.Name, ns))
			}
		}
	}
	return doubts
}

// Len is the number of keys.
func (k ServiceKeys) Len() int { return len(k.keys) }

// String names the services, never their secrets.
func (k ServiceKeys) String() string {
	names := make([]string, len(k.keys))
	for i := range k.keys {
		names[i] = k.keys[i].service.Name
	}
	return "service keys of [" + strings.Join(names, " ") + "]"
}

// GoString keeps the hashes out of %#v.
func (k ServiceKeys) GoString() string { return k.String() }

// LogValue keeps the hashes out of logs.
func (k ServiceKeys) LogValue() slog.Value { return slog.StringValue(k.String()) }

var (
	_ slog.LogValuer = ServiceKeys{}
	_ fmt.Stringer   = ServiceKeys{}
	_ fmt.GoStringer = ServiceKeys{}
)
