package auth

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// LoadFile reads the policies of a YAML file:
//
//	namespaces:
//	  raffle:
//	    access: public        # owner, public, authenticated or member; required
//	    log: redis            # database (default) or redis
//	    retention:            # left out: 30d and 10000
//	      max_age: 1h         # Go's units and d for days; 0 keeps for ever
//	      max_count: 100      # 0 keeps all; neither with log: redis
//	    conflate: true        # a slow listener may skip to the newest of each type
//	    join: latest          # head (default) or latest
//	    max_rate: 10          # events a second to each listener; 0: no limit
//	  user:
//	    access: owner
//	    escalate:
//	      - types: [note, chat]
//	        after: 10m
//	        unless: [read, online] # or seen; left out: [read]
//	        to: main
//	        digest: 5m        # left out: each by itself
//	webhooks:
//	  main:
//	    url: https://example.com/bellhop
//	    secret_file: /run/secrets/webhook
//	    allow_private: false  # true: the host may be in the own network
//	audit: 365d               # admin calls are kept in a table for so long; left out: not
//
// The file replaces the built-in policies, except that the inbox namespace
// keeps its own where the file does not mention it. A name or value that is not
// known is an error that says in which line it stands.
func LoadFile(path string) (Policies, error) {
	return loadYAML(path, "policy file", ErrPolicy, parsePolicies)
}

type policyFile struct {
	Namespaces map[string]located[filePolicy]  `yaml:"namespaces"`
	Webhooks   map[string]located[fileWebhook] `yaml:"webhooks"`
	Audit      located[string]                 `yaml:"audit"`
}

type filePolicy struct {
	Access    located[Access]           `yaml:"access"`
	Log       located[LogKind]          `yaml:"log"`
	Retention fileRetention             `yaml:"retention"`
	Conflate  bool                      `yaml:"conflate"`
	Join      located[joinKind]         `yaml:"join"`
	MaxRate   located[int]              `yaml:"max_rate"`
	Escalate  []located[fileEscalation] `yaml:"escalate"`
}

type fileRetention struct {
	MaxAge   located[string] `yaml:"max_age"`
	MaxCount located[int]    `yaml:"max_count"`
}

type joinKind string

const (
	joinHead   joinKind = "head"
	joinLatest joinKind = "latest"
)

func parsePolicies(text []byte) (Policies, error) {
	var file policyFile
	if err := decodeYAML(text, &file, ErrPolicy); err != nil {
		return Policies{}, err
	}
	if len(file.Namespaces) == 0 {
		return Policies{}, fmt.Errorf("%w: want a map of namespaces", ErrPolicy)
	}
	hooks, err := webhooks(file.Webhooks)
	if err != nil {
		return Policies{}, err
	}
	audit, err := file.audit()
	if err != nil {
		return Policies{}, err
	}
	byNamespace := make(map[string]Policy, len(file.Namespaces))
	for ns, fp := range file.Namespaces {
		p, err := fp.value.policy()
		if err != nil {
			return Policies{}, err
		}
		if p.Escalate, err = fp.value.escalations(hooks); err != nil {
			return Policies{}, err
		}
		if member, err := p.validate(ns); err != nil {
			return Policies{}, fmt.Errorf("line %d: namespace %q: %w", cmp.Or(fp.value.line(member), fp.line), ns, err)
		}
		byNamespace[ns] = p
	}
	p, err := NewPolicies(byNamespace)
	p.webhooks, p.audit = hooks, audit
	return p, err
}

// maxAuditAge is longer than anybody has to keep records.
const maxAuditAge = 10 * 366 * 24 * time.Hour

func (f policyFile) audit() (time.Duration, error) {
	if f.Audit.line == 0 {
		return 0, nil
	}
	age, err := duration("audit", f.Audit.value, maxAuditAge)
	if err != nil || age < time.Hour {
		return 0, atLine(f.Audit.line, ErrPolicy, fmt.Sprintf("audit %q: want a duration such as 365d, 1h to 3660d", f.Audit.value))
	}
	return age, nil
}

func (f filePolicy) policy() (Policy, error) {
	p := Policy{
		Access: f.Access.value, Log: LogDatabase, Retention: DefaultRetention,
		Conflate: f.Conflate, JoinLatest: f.Join.value == joinLatest, MaxRate: f.MaxRate.value,
	}
	if f.Log.line > 0 {
		p.Log = f.Log.value
	}
	if f.Join.line > 0 && f.Join.value != joinHead && f.Join.value != joinLatest {
		return Policy{}, atLine(f.Join.line, ErrPolicy, fmt.Sprintf("join %q is neither head nor latest", f.Join.value))
	}
	if r := f.Retention; r.MaxAge.line > 0 {
		age, err := parseAge(r.MaxAge.value)
		if err != nil {
			return Policy{}, atLine(r.MaxAge.line, ErrPolicy, err.Error())
		}
		p.Retention.MaxAge = age
	}
	if r := f.Retention; r.MaxCount.line > 0 {
		p.Retention.MaxCount = r.MaxCount.value
	}
	return p, nil
}

// line is where a member stands whose value may be at fault; zero: nowhere.
func (f filePolicy) line(member string) int {
	return map[string]int{
		"access": f.Access.line, "log": f.Log.line, "max_count": f.Retention.MaxCount.line, "max_rate": f.MaxRate.line,
	}[member]
}

// parseAge reads a duration that is not negative. Days are worth a unit of
// their own here: nobody counts the hours of a quarter.
func parseAge(s string) (time.Duration, error) {
	const maxDays = 36_500
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 32)
		if err != nil || n > maxDays {
			return 0, fmt.Errorf("max_age %q: want 0 to %d days", s, maxDays)
		}
		return time.Duration(n) * 24 * time.Hour, nil
	}
	age, err := time.ParseDuration(s)
	if err != nil || age < 0 {
		return 0, fmt.Errorf("max_age %q: want a duration such as 90d, 36h or 10m", s)
	}
	return age, nil
}
