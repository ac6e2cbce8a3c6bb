package app

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/cmd/internal/config"
)

// devKeys are the keys of a Bellhop that nobody configured any for. They are
// random and kept beside the database: whoever has one of another machine, or
// of a database since deleted, has nothing.
type devKeys struct {
	Signing string // signs tokens
	Service string // of the service "demo"
}

// Names in the file, which are those of the settings, so that it can be read as
// an environment file. demoService names the service whose key it is, adminService
// that of the other one.
const (
	signingKeyName = "BELLHOP_JWT_SECRET"
	serviceKeyName = "BELLHOP_SERVICE_KEYS"
	demoService    = "demo"
	adminService   = "demo-admin"
)

// loadDevKeys reads the keys from a file, and makes the file if it is missing.
func loadDevKeys(path string) (devKeys, error) {
	keys, err := readDevKeys(path)
	if errors.Is(err, fs.ErrNotExist) {
		return makeDevKeys(path)
	}
	return keys, err
}

func readDevKeys(path string) (devKeys, error) {
	text, err := os.ReadFile(path) //nolint:gosec // the operator names it
	if err != nil {
		return devKeys{}, fmt.Errorf("development keys: %w", err)
	}
	var keys devKeys
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), "=")
		switch name {
		case signingKeyName:
			keys.Signing = value
		case serviceKeyName:
			_, keys.Service, _ = strings.Cut(value, "=")
		}
	}
	if keys.Signing == "" || keys.Service == "" {
		return devKeys{}, fmt.Errorf("development keys: %s lacks %s or %s; delete the file, and the next start makes new ones", path, signingKeyName, serviceKeyName)
	}
	return keys, nil
}

func makeDevKeys(path string) (devKeys, error) {
	keys := devKeys{Signing: randomKey(), Service: randomKey()}
	text := fmt.Sprintf("# Keys of Bellhop's demo, made at random for this database. Not for production.\n%s=%s\n%s=%s=%s\n",
		signingKeyName, keys.Signing, serviceKeyName, demoService, keys.Service)
	// O_EXCL: two processes must not each believe in keys of their own.
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the operator names it
	if err != nil {
		return devKeys{}, fmt.Errorf("development keys: %w", err)
	}
	_, err = f.WriteString(text)
	if err := errors.Join(err, f.Close()); err != nil {
		return devKeys{}, errors.Join(fmt.Errorf("development keys: %w", err), os.Remove(path))
	}
	return keys, nil
}

// randomKey is 256 random bits in characters that no shell minds.
func randomKey() string {
	var b [32]byte
	rand.Read(b[:]) // it never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// access is what the settings of a program with the demo say, and these keys.
func (k devKeys) access(cfg config.Program) (accessSettings, error) {
	a := accessOf(cfg)
	if len(a.tokens.Issuers) == 0 {
		a.tokens.Issuers = make([]auth.Issuer, 1)
	}
	a.tokens.Issuers[0].Secrets = []string{k.Signing}
	var publishers []string
	if c, ok := cfg.(*config.Bellhop); ok && c.ServiceKeys != "" {
		publishers = strings.Split(c.ServiceKeys.Reveal(), ",")
	}
	for _, own := range []string{demoService + "=" + k.Service, adminService + "@admin=" + k.admin()} {
		if !slices.Contains(publishers, own) { // it is there where the file of the keys was exported
			publishers = append(publishers, own)
		}
	}
	var err error
	a.keys, err = auth.ParseServiceKeys(strings.Join(publishers, ","))
	return a, err
}

// admin is the key that erases and locks out. It follows from the signing key, so
// that files of older versions have it too.
func (k devKeys) admin() string {
	mac := hmac.New(sha256.New, []byte(k.Signing))
	mac.Write([]byte(adminService))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
