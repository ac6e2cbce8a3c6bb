package config

import (
	"strings"

	"github.com/bellhop/bellhop/auth"
)

// Tokens says which clients' tokens a gateway accepts.
type Tokens struct {
	JWTSecret   Secret `name:"jwt-secret" placeholder:"SECRET" help:"Key of the clients' tokens (JWT, HS256), at least 32 bytes. Several, comma-separated, are accepted at once, so that a key can be replaced without signing anybody out."`
	JWTIssuer   string `name:"jwt-issuer" placeholder:"TEXT" help:"If set, tokens must be of this issuer (iss)."`
	JWTAudience string `name:"jwt-audience" placeholder:"TEXT" help:"If set, tokens must be meant for this audience (aud)."`
}

func (t *Tokens) check(p *Problems) {
	if t.JWTSecret == "" {
		return
	}
	if _, err := auth.NewVerifier(t.Config()); err != nil {
		p.Add("jwt-secret", "%v", err)
	}
}

// Config is what a Verifier needs.
func (t *Tokens) Config() auth.TokenConfig {
	config := auth.TokenConfig{Issuer: t.JWTIssuer, Audience: t.JWTAudience}
	if t.JWTSecret == "" {
		return config
	}
	for secret := range strings.SplitSeq(t.JWTSecret.Reveal(), ",") {
		config.Secrets = append(config.Secrets, strings.TrimSpace(secret))
	}
	return config
}

// Services says which backend services may publish.
type Services struct {
	ServiceKeys Secret `placeholder:"KEY,..." help:"Keys of the services that publish: name=secret, or name@namespace+namespace=secret, comma-separated. The namespace admin gives the admin right; a name may occur twice."`

	keys auth.ServiceKeys
}

func (s *Services) check(p *Problems) {
	keys, err := auth.ParseServiceKeys(s.ServiceKeys.Reveal())
	if err != nil {
		p.Add("service-keys", "%v", err)
	}
	s.keys = keys
}

// Keys returns the parsed service keys, once Parse succeeded.
func (s *Services) Keys() auth.ServiceKeys { return s.keys }

// Policies says what the namespaces allow and keep.
type Policies struct {
	Policies string `placeholder:"FILE" help:"YAML file of namespaces and their policies. Without one the built-in policies hold."`

	policies auth.Policies
}

func (n *Policies) check(p *Problems) {
	if n.Policies == "" {
		n.policies = auth.Builtin()
		return
	}
	policies, err := auth.LoadFile(n.Policies)
	if err != nil {
		p.Add("policies", "%v", err)
	}
	n.policies = policies
}

// Namespaces returns the policies, once Parse succeeded.
func (n *Policies) Namespaces() auth.Policies { return n.policies }
