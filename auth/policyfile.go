package auth

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
)

// maxPolicyFile bounds what is read of a policy file, in bytes: room for hundreds
// of namespaces, and no surprise when the path names something else. The library's
// time grows with the square of how deep a text nests.
const maxPolicyFile = 64 << 10

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
//
// The file replaces the built-in policies, except that the inbox namespace
// keeps its own where the file does not mention it. A name or value that is not
// known is an error that says in which line it stands.
func LoadFile(path string) (Policies, error) {
	f, err := os.Open(path) //nolint:gosec // the operator says which file
	if err != nil {
		return Policies{}, fmt.Errorf("policy file: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxPolicyFile+1))
	if err != nil {
		return Policies{}, fmt.Errorf("policy file: %w", err)
	}
	if len(text) > maxPolicyFile {
		return Policies{}, fmt.Errorf("policy file %s: %w: longer than %d bytes", path, ErrPolicy, maxPolicyFile)
	}
	p, err := parsePolicies(text)
	if err != nil {
		return Policies{}, fmt.Errorf("policy file %s: %w", path, err)
	}
	return p, nil
}

type policyFile struct {
	Namespaces map[string]located[filePolicy] `yaml:"namespaces"`
}

type filePolicy struct {
	Access    located[Access]   `yaml:"access"`
	Log       located[LogKind]  `yaml:"log"`
	Retention *fileRetention    `yaml:"retention"`
	Conflate  bool              `yaml:"conflate"`
	Join      located[joinKind] `yaml:"join"`
	MaxRate   located[int]      `yaml:"max_rate"`
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

// located is a value that knows its line, zero if the file left it out.
type located[T any] struct {
	value T
	line  int
}

// UnmarshalYAML makes located a yaml.NodeUnmarshaler: the only kind that is
// told where it stands.
func (l *located[T]) UnmarshalYAML(node ast.Node) error {
	l.line = node.GetToken().Position.Line
	if _, alias := node.(*ast.AliasNode); alias {
		// The node alone does not know what the alias stands for.
		return atLine(l.line, "aliases are not supported here")
	}
	return yaml.NodeToValue(node, &l.value, yaml.Strict())
}

func parsePolicies(text []byte) (Policies, error) {
	var file policyFile
	dec := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict())
	if err := dec.Decode(&file); err != nil && !errors.Is(err, io.EOF) {
		return Policies{}, oneLine(err)
	}
	if err := dec.Decode(new(any)); !errors.Is(err, io.EOF) {
		return Policies{}, fmt.Errorf("%w: want one document", ErrPolicy)
	}
	if len(file.Namespaces) == 0 {
		return Policies{}, fmt.Errorf("%w: want a map of namespaces", ErrPolicy)
	}
	byNamespace := make(map[string]Policy, len(file.Namespaces))
	for ns, fp := range file.Namespaces {
		p, err := fp.value.policy()
		if err != nil {
			return Policies{}, err
		}
		if err := p.validate(ns); err != nil {
			return Policies{}, fmt.Errorf("line %d: namespace %q: %w", fp.value.blame(fp.line, p), ns, err)
		}
		byNamespace[ns] = p
	}
	return NewPolicies(byNamespace)
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
		return Policy{}, atLine(f.Join.line, fmt.Sprintf("join %q is neither head nor latest", f.Join.value))
	}
	if r := f.Retention; r != nil {
		if r.MaxAge.line > 0 {
			age, err := parseAge(r.MaxAge.value)
			if err != nil {
				return Policy{}, atLine(r.MaxAge.line, err.Error())
			}
			p.Retention.MaxAge = age
		}
		if r.MaxCount.line > 0 {
			p.Retention.MaxCount = r.MaxCount.value
		}
	}
	return p, nil
}

// blame is the line that made a policy invalid: its own, or that of the value
// that is at fault.
func (f filePolicy) blame(line int, p Policy) int {
	switch {
	case f.Access.line > 0 && !p.Access.valid():
		return f.Access.line
	case !p.Log.valid():
		return f.Log.line
	case p.Retention.MaxCount < 0:
		return f.Retention.MaxCount.line
	case p.MaxRate < 0 || p.MaxRate > 0 && !p.Conflate:
		return f.MaxRate.line
	}
	return line
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

func atLine(line int, what string) error {
	return fmt.Errorf("line %d: %w: %s", line, ErrPolicy, what)
}

// oneLine takes from an error of the YAML library its line and its message; the
// library would print the neighbouring lines of the file as well, and names from
// the file as they are, with what is a new line or a colour to a terminal.
func oneLine(err error) error {
	var ye yaml.Error
	if !errors.As(err, &ye) || ye.GetToken() == nil {
		return err
	}
	printable := strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, ye.GetMessage())
	return atLine(ye.GetToken().Position.Line, printable)
}
