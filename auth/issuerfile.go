package auth

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// ErrIssuer is what every refusal of a file of issuers wraps.
var ErrIssuer = errors.New("invalid issuer")

// LoadIssuers reads the issuers of a YAML file:
//
//	issuers:
//	  - name: partner                     # in messages; required
//	    issuer: https://id.partner.example
//	    audience: bellhop
//	    jwks_url: https://id.partner.example/keys
//	    public_keys_file: partner.pem     # PEM
//	    secrets_file: partner.secret      # a secret a line
//	    user_claim: realm.user_id         # left out: sub
//	    subject_prefix: "partner:"        # left out: none
//
// An issuer without any key tells by OpenID Connect Discovery, at the address that is
// its name, where they are. Files are found from where this one is. A name or value
// that is not known is an error that says in which line it stands.
func LoadIssuers(path string) ([]Issuer, error) {
	return loadYAML(path, "file of issuers", ErrIssuer, func(text []byte) ([]Issuer, error) {
		return parseIssuers(text, filepath.Dir(path))
	})
}

type issuerFile struct {
	Issuers []located[fileIssuer] `yaml:"issuers"`
}

type fileIssuer struct {
	Name           string          `yaml:"name"`
	Issuer         string          `yaml:"issuer"`
	Audience       string          `yaml:"audience"`
	KeySetURL      string          `yaml:"jwks_url"`
	PublicKeysFile located[string] `yaml:"public_keys_file"`
	SecretsFile    located[string] `yaml:"secrets_file"`
	UserClaim      string          `yaml:"user_claim"`
	SubjectPrefix  string          `yaml:"subject_prefix"`
}

func parseIssuers(text []byte, dir string) ([]Issuer, error) {
	var file issuerFile
	if err := decodeYAML(text, &file, ErrIssuer); err != nil {
		return nil, err
	}
	if len(file.Issuers) == 0 {
		return nil, fmt.Errorf("%w: want a list of issuers", ErrIssuer)
	}
	var issuers []Issuer
	for _, entry := range file.Issuers {
		issuer, err := entry.value.issuer(dir)
		if err == nil {
			// What can be said of it by itself, with its line.
			_, err = NewVerifier(TokenConfig{Issuers: []Issuer{issuer}})
		}
		switch {
		case entry.value.Name == "":
			return nil, atLine(entry.line, ErrIssuer, "it has no name")
		case err != nil:
			return nil, fmt.Errorf("line %d: issuer %q: %w", entry.line, entry.value.Name, err)
		}
		issuers = append(issuers, issuer)
	}
	return issuers, nil
}

func (f *fileIssuer) issuer(dir string) (Issuer, error) {
	i := Issuer{
		Name: f.Name, Issuer: f.Issuer, Audience: f.Audience, KeySetURL: f.KeySetURL, UserClaim: f.UserClaim, SubjectPrefix: f.SubjectPrefix,
	}
	var failed error
	read := func(name located[string]) []byte {
		path := name.value
		if name.line == 0 {
			return nil
		}
		if !filepath.IsAbs(path) {
			path = filepath.Join(dir, path)
		}
		text, err := os.ReadFile(path) //nolint:gosec // the operator says which file
		if err != nil && failed == nil {
			failed = atLine(name.line, ErrIssuer, err.Error())
		}
		return text
	}
	i.PublicKeys = read(f.PublicKeysFile)
	for secret := range strings.FieldsSeq(string(read(f.SecretsFile))) {
		i.Secrets = append(i.Secrets, secret)
	}
	i.Discover = f.PublicKeysFile.line == 0 && f.SecretsFile.line == 0 && f.KeySetURL == ""
	return i, failed
}
