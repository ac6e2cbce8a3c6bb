package config

import (
	"os"
	"strings"

	"github.com/bellhop/bellhop/auth"
)

// Services says which backend services may publish.
type Services struct {
	ServiceKeys Secret `placeholder:"KEY,..." help:"Keys of the services that publish: name=secret, or name@namespace+namespace=secret, comma-separated. The namespace admin gives the admin right; a name may occur twice."`
	ServiceRate int    `name:"max-rate-per-service" placeholder:"N" default:"0" help:"Publishing requests that each service may send in a second to this notifier; five seconds' worth can be saved up. 0: no limit."`

	keys auth.ServiceKeys
}

func (s *Services) check(p *SettingErrors) {
	keys, err := auth.ParseServiceKeys(s.ServiceKeys.Reveal())
	if err != nil {
		p.addf("service-keys", "%v", err)
	}
	s.keys = keys
	p.notNegative("max-rate-per-service", s.ServiceRate)
}

// Keys returns the parsed service keys, once Parse succeeded.
func (s *Services) Keys() auth.ServiceKeys { return s.keys }

// Policies says what the namespaces allow and keep.
type Policies struct {
	Policies string `placeholder:"FILE" help:"YAML file of namespaces and their policies. Without one the built-in policies hold."`

	Namespaces auth.Policies `kong:"-"` // those of the file, or the built-in ones
}

func (n *Policies) check(p *SettingErrors) {
	if n.Policies == "" {
		n.Namespaces = auth.Builtin()
		return
	}
	policies, err := auth.LoadFile(n.Policies)
	if err != nil {
		p.addf("policies", "%v", err)
	}
	n.Namespaces = policies
}

// Tokens says which clients' tokens a gateway accepts, and where it looks for
// them.
type Tokens struct {
	JWTSecret        Secret `name:"jwt-secret" placeholder:"SECRET" help:"Key of the clients' tokens (JWT, HS256), at least 32 bytes. Several, comma-separated, are accepted at once, so that a key can be replaced without signing anybody out."`
	JWTPublicKey     string `name:"jwt-public-key" placeholder:"FILE" help:"PEM file of public keys of the clients' tokens: RSA (RS256), P-256 (ES256) or Ed25519 (EdDSA). Each key verifies its own algorithm only."`
	JWKSURL          string `name:"jwks-url" placeholder:"URL" help:"Where the issuer of the clients' tokens publishes its keys; read again every 5 minutes, and sooner for a key that is not known. Needs --jwt-issuer and --jwt-audience."`
	JWTIssuer        string `name:"jwt-issuer" placeholder:"TEXT" help:"If set, tokens must be of this issuer (iss)."`
	JWTAudience      string `name:"jwt-audience" placeholder:"TEXT" help:"If set, tokens must be meant for this audience (aud)."`
	AccessTokenQuery Switch `name:"access-token-query" placeholder:"on|off" default:"off" help:"Accept a token in the query, as access_token, from clients that can send neither a header nor a cookie. Bellhop never logs it; proxies and browsers may."`

	publicKeys []byte
}

// anyKey tells whether there is a key that tokens can be verified with.
func (t *Tokens) anyKey() bool { return t.JWTSecret != "" || t.JWTPublicKey != "" || t.JWKSURL != "" }

func (t *Tokens) check(p *SettingErrors) {
	if t.AccessTokenQuery == Auto && !p.has("access-token-query") {
		p.addf("access-token-query", "want on or off, not \"auto\"")
	}
	if t.JWTSecret != "" {
		checkKeys(p, "jwt-secret", auth.TokenConfig{Secrets: t.secrets()})
	}
	if t.JWTPublicKey != "" {
		text, err := os.ReadFile(t.JWTPublicKey)
		if err != nil {
			p.addf("jwt-public-key", "%v", err)
		} else {
			checkKeys(p, "jwt-public-key", auth.TokenConfig{PublicKeys: text})
		}
		t.publicKeys = text
	}
	if t.JWKSURL == "" {
		return
	}
	if err := auth.CheckJWKSURL(t.JWKSURL); err != nil {
		p.addf("jwks-url", "%v", err)
	}
	const why = ", because --jwks-url is set: an issuer's keys sign for other services too"
	p.require("jwt-issuer", t.JWTIssuer != "", why)
	p.require("jwt-audience", t.JWTAudience != "", why)
}

func checkKeys(p *SettingErrors, flag string, cfg auth.TokenConfig) {
	if _, err := auth.NewVerifier(cfg); err != nil {
		p.addf(flag, "%v", err)
	}
}

// TokenConfig is what a Verifier needs, but for the key set at JWKSURL, which is
// to be opened.
func (t *Tokens) TokenConfig() auth.TokenConfig {
	return auth.TokenConfig{
		Secrets: t.secrets(), PublicKeys: t.publicKeys,
		Issuer: t.JWTIssuer, Audience: t.JWTAudience,
	}
}

func (t *Tokens) secrets() []string {
	if t.JWTSecret == "" {
		return nil
	}
	secrets := strings.Split(t.JWTSecret.Reveal(), ",")
	for i := range secrets {
		secrets[i] = strings.TrimSpace(secrets[i])
	}
	return secrets
}
