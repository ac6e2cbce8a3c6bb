package auth

import (
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/bellhop/bellhop/event"
)

// Webhook is where the product takes what it is told.
type Webhook struct {
	// URL is https; http only with AllowPrivate.
	URL string
	// SecretFile has the secrets that calls are signed with.
	SecretFile string
	// AllowPrivate lets the URL's host be an address of the own network.
	AllowPrivate bool
}

// Escalation has the product be told of events of some types that a person has not
// taken note of some time after they came.
type Escalation struct {
	Types  []string
	After  time.Duration
	To     string // the name of a Webhook
	Digest time.Duration
	// UnlessRead, UnlessSeen and UnlessOnline say what keeps an event from being told.
	UnlessRead, UnlessSeen, UnlessOnline bool
}

// Limits of what a policy file may ask for.
const (
	maxWebhooks    = 20
	maxEscalations = 20
	maxAfter       = 30 * 24 * time.Hour
	maxDigest      = 24 * time.Hour
)

// Webhooks returns those of the policy file, by name.
func (p Policies) Webhooks() map[string]Webhook { return maps.Clone(p.webhooks) }

// Escalations returns those that are for events of a type in people's inboxes.
func (p Policies) Escalations(kind string) []Escalation {
	var all []Escalation
	for _, e := range p.byNamespace[event.InboxNamespace].Escalate {
		if slices.Contains(e.Types, kind) {
			all = append(all, e)
		}
	}
	return all
}

type fileWebhook struct {
	URL          located[string] `yaml:"url"`
	SecretFile   located[string] `yaml:"secret_file"`
	AllowPrivate bool            `yaml:"allow_private"`
}

func (f fileWebhook) webhook(name string, line int) (Webhook, error) {
	refuse := func(at int, format string, args ...any) (Webhook, error) {
		return Webhook{}, atLine(max(at, line), ErrPolicy, fmt.Sprintf("webhook %q: ", name)+fmt.Sprintf(format, args...))
	}
	u, err := url.Parse(f.URL.value)
	switch {
	case !event.ValidNamespace(name):
		return refuse(line, "a name is a lower-case letter, then at most %d of a-z, 0-9 and '-'", event.MaxNamespace-1)
	case err != nil || u.Hostname() == "" || u.User != nil || u.Fragment != "" || u.Scheme != "https" && u.Scheme != "http":
		return refuse(f.URL.line, "url: want https://host/path, without a user and a fragment")
	case u.Scheme == "http" && !f.AllowPrivate:
		return refuse(f.URL.line, "url: http is for allow_private alone: it shows what is told to whoever stands between")
	case f.SecretFile.value == "":
		return refuse(f.SecretFile.line, "secret_file is missing")
	}
	return Webhook{URL: f.URL.value, SecretFile: f.SecretFile.value, AllowPrivate: f.AllowPrivate}, nil
}

// webhooks reads the part "webhooks" of a policy file.
func webhooks(file map[string]located[fileWebhook]) (map[string]Webhook, error) {
	if len(file) > maxWebhooks {
		return nil, fmt.Errorf("%w: at most %d webhooks", ErrPolicy, maxWebhooks)
	}
	var all map[string]Webhook
	for name, w := range file {
		hook, err := w.value.webhook(name, w.line)
		if err != nil {
			return nil, err
		}
		if all == nil {
			all = make(map[string]Webhook)
		}
		all[name] = hook
	}
	return all, nil
}

type fileEscalation struct {
	Types  located[[]string] `yaml:"types"`
	After  located[string]   `yaml:"after"`
	Unless located[[]string] `yaml:"unless"`
	To     located[string]   `yaml:"to"`
	Digest located[string]   `yaml:"digest"`
}

func (f fileEscalation) escalation(line int, hooks map[string]Webhook) (Escalation, error) {
	e := Escalation{Types: f.Types.value, To: f.To.value, UnlessRead: f.Unless.line == 0}
	refuse := func(at int, what string) (Escalation, error) {
		return Escalation{}, atLine(max(at, line), ErrPolicy, what)
	}
	if len(e.Types) == 0 {
		return refuse(f.Types.line, "types: want a list of types of events")
	}
	for _, kind := range e.Types {
		if err := event.ParseType(kind); err != nil {
			return refuse(f.Types.line, fmt.Sprintf("types: %v", err))
		}
	}
	var err error
	if e.After, err = duration("after", f.After.value, maxAfter); err != nil {
		return refuse(f.After.line, err.Error())
	}
	if f.Digest.line > 0 {
		if e.Digest, err = duration("digest", f.Digest.value, maxDigest); err != nil {
			return refuse(f.Digest.line, err.Error())
		}
	}
	unless := map[string]*bool{"read": &e.UnlessRead, "seen": &e.UnlessSeen, "online": &e.UnlessOnline}
	for _, word := range f.Unless.value {
		if unless[word] == nil {
			return refuse(f.Unless.line, fmt.Sprintf("unless: %q is neither read nor seen nor online", word))
		}
		*unless[word] = true
	}
	if _, known := hooks[e.To]; !known {
		return refuse(f.To.line, fmt.Sprintf("to: there is no webhook %q", e.To))
	}
	return e, nil
}

// escalations reads the part "escalate" of a namespace.
func (f filePolicy) escalations(hooks map[string]Webhook) ([]Escalation, error) {
	if len(f.Escalate) > maxEscalations {
		return nil, atLine(f.Escalate[0].line, ErrPolicy, fmt.Sprintf("escalate: at most %d", maxEscalations))
	}
	var all []Escalation
	for _, one := range f.Escalate {
		e, err := one.value.escalation(one.line, hooks)
		if err != nil {
			return nil, err
		}
		for _, other := range all {
			if i := slices.IndexFunc(e.Types, func(kind string) bool { return slices.Contains(other.Types, kind) }); i >= 0 && other.To == e.To {
				return nil, atLine(one.line, ErrPolicy, fmt.Sprintf("escalate: %s is told to %s already: of an event a webhook is told once", e.Types[i], e.To))
			}
		}
		all = append(all, e)
	}
	return all, nil
}

// duration reads one that is at most so long.
func duration(name, text string, most time.Duration) (time.Duration, error) {
	d, err := parseAge(text)
	if err == nil && d > most {
		err = errors.New("too long")
	}
	if err != nil {
		return 0, fmt.Errorf("%s %q: want a duration such as 10m or 36h, at most %s", name, strings.ToValidUTF8(text, "?"), most)
	}
	return d, nil
}
