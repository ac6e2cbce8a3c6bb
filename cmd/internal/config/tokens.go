package config

import (
	"os"
	"strings"
	"time"

	"github.com/bellhop/bellhop/auth"
)

// Tokens says which clients' tokens a gateway accepts, and where it looks for
// them.
type Tokens struct {
	JWTSecret        Secret        `name:"jwt-secret" placeholder:"SECRET" help:"Key of the clients' tokens (JWT; HS256, HS384, HS512), at least 32 bytes. Several, comma-separated, are accepted at once, so that a key can be replaced without signing anybody out."`
	JWTPublicKey     string        `name:"jwt-public-key" placeholder:"FILE" help:"PEM file of public keys of the clients' tokens: RSA (RS256 to RS512, PS256 to PS512), P-256, P-384, P-521 (ES256, ES384, ES512) or Ed25519 (EdDSA). Each key verifies its own algorithms only."`
	JWKSURL          string        `name:"jwks-url" placeholder:"URL" help:"Address at which the issuer of the clients' tokens publishes its keys. It is read every 5 minutes, and sooner for an unknown key. Needs --jwt-issuer and --jwt-audience."`
	JWTIssuer        string        `name:"jwt-issuer" placeholder:"TEXT" help:"If set, tokens must be of this issuer (iss). If it is an address and no key is set, Bellhop asks the issuer where its keys are (OpenID Connect Discovery), and --jwt-audience is needed too."`
	JWTAudience      string        `name:"jwt-audience" placeholder:"TEXT" help:"If set, tokens must be meant for this audience (aud)."`
	JWTUserClaim     string        `name:"jwt-user-claim" placeholder:"NAME" default:"sub" help:"Claim that names the person, a text or a whole number. A dot leads into an object: realm.user_id."`
	JWTLeeway        time.Duration `name:"jwt-leeway" placeholder:"DURATION" default:"60s" help:"How far a token's nbf and iat may be in the future, because clocks differ. It does not make expired tokens valid."`
	Issuers          string        `name:"issuers" placeholder:"FILE" help:"YAML file of further issuers, each with its keys, audience, user claim and a prefix for its people."`
	AccessTokenQuery Switch        `name:"access-token-query" placeholder:"on|off" default:"off" help:"Accept a token in the query, as access_token, from clients that can send neither a header nor a cookie. Bellhop never logs it; proxies and browsers may."`

	publicKeys []byte
	issuers    []auth.Issuer
}

// anyKey tells whether there is a key that tokens can be verified with.
func (t *Tokens) anyKey() bool { return t.keySetting() != "" }

// keySetting is the flag that brings such a key; empty if none does.
func (t *Tokens) keySetting() string {
	switch {
	case t.JWTSecret != "":
		return "jwt-secret"
	case t.JWTPublicKey != "":
		return "jwt-public-key"
	case t.JWKSURL != "":
		return "jwks-url"
	case t.discovers():
		return "jwt-issuer"
	case t.Issuers != "":
		return "issuers"
	}
	return ""
}

// ownKey tells whether a flag names a key or a key set.
func (t *Tokens) ownKey() bool { return t.JWTSecret != "" || t.JWTPublicKey != "" || t.JWKSURL != "" }

// discovers tells whether the issuer is to be asked where its keys are.
func (t *Tokens) discovers() bool { return !t.ownKey() && strings.Contains(t.JWTIssuer, "://") }

func (t *Tokens) check(p *SettingErrors) {
	p.onOrOff("access-token-query", t.AccessTokenQuery)
	if t.JWTSecret != "" {
		checkKeys(p, "jwt-secret", auth.Issuer{Secrets: t.secrets()})
	}
	if t.JWTPublicKey != "" {
		text, err := os.ReadFile(t.JWTPublicKey)
		if err != nil {
			p.addf("jwt-public-key", "%v", err)
		} else {
			checkKeys(p, "jwt-public-key", auth.Issuer{PublicKeys: text})
		}
		t.publicKeys = text
	}
	t.checkKeySet(p)
	p.between("jwt-leeway", t.JWTLeeway, 0, auth.MaxLeeway)
	if t.Issuers == "" {
		return
	}
	issuers, err := auth.LoadIssuers(t.Issuers)
	if err != nil {
		p.addf("issuers", "%v", err)
		return
	}
	t.issuers = issuers
	if len(*p) == 0 { // with the one of the flags they may be at odds
		if _, err := auth.NewVerifier(t.TokenConfig()); err != nil {
			p.addf("issuers", "%v", err)
		}
	}
}

// checkKeySet checks where an issuer's keys come from.
func (t *Tokens) checkKeySet(p *SettingErrors) {
	const why = ": an issuer's keys sign for other services too"
	switch {
	case t.JWKSURL != "":
		if err := auth.CheckJWKSURL(t.JWKSURL); err != nil {
			p.addf("jwks-url", "%v", err)
		}
		p.require("jwt-issuer", t.JWTIssuer != "", ", because --jwks-url is set"+why)
		p.require("jwt-audience", t.JWTAudience != "", ", because --jwks-url is set"+why)
	case t.discovers():
		if err := auth.CheckJWKSURL(t.JWTIssuer); err != nil {
			p.addf("jwt-issuer", "%v", err)
		}
		p.require("jwt-audience", t.JWTAudience != "", ", because --jwt-issuer is to be asked for its keys"+why)
	}
}

func checkKeys(p *SettingErrors, flag string, issuer auth.Issuer) {
	if _, err := auth.NewVerifier(auth.TokenConfig{Issuers: []auth.Issuer{issuer}}); err != nil {
		p.addf(flag, "%v", err)
	}
}

// TokenConfig is what a Verifier needs: the issuer that the flags describe, if any,
// and those of the file. Their key sets are still to be opened.
func (t *Tokens) TokenConfig() auth.TokenConfig {
	cfg := auth.TokenConfig{Leeway: t.JWTLeeway}
	if t.JWTLeeway == 0 {
		cfg.Leeway = -1
	}
	if t.ownKey() || t.discovers() {
		cfg.Issuers = append(cfg.Issuers, auth.Issuer{
			Secrets: t.secrets(), PublicKeys: t.publicKeys, KeySetURL: t.JWKSURL, Discover: t.discovers(),
			Issuer: t.JWTIssuer, Audience: t.JWTAudience, UserClaim: t.JWTUserClaim,
		})
	}
	cfg.Issuers = append(cfg.Issuers, t.issuers...)
	return cfg
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
