package testenv

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// tokenShape is what a JWT looks like, signed or not: RFC 7519 (section 3.1) in
// the compact form of RFC 7515, whose first two parts begin as JSON objects do.
var tokenShape = regexp.MustCompile(`eyJ[\w-]{8,}\.eyJ[\w-]{8,}`)

// leastSecret is the length below which a secret is not looked for: a word of
// few letters stands in a log by accident.
const leastSecret = 8

// Search returns a writer that looks, line by line, for tokens and for the given
// secrets in everything written to it. When the test ends, it fails if there was
// one. Have what writes end before: call Search first. It is safe for concurrent
// use; who writes concurrently writes whole lines.
func Search(tb testing.TB, what string, secrets ...string) io.Writer {
	tb.Helper()
	s := newSearch(secrets)
	tb.Cleanup(func() { s.report(tb, what) })
	return s
}

// Logger is a logger for what a test runs within its own process. Nothing is
// printed; all of it, debugging too, is searched as Search does.
func Logger(tb testing.TB, secrets ...string) *slog.Logger {
	tb.Helper()
	return slog.New(slog.NewTextHandler(Search(tb, "the log", secrets...), &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// NoSecrets fails the test if there is a token in a text, or one of the secrets.
func NoSecrets(tb testing.TB, what, text string, secrets ...string) {
	tb.Helper()
	s := newSearch(secrets)
	_, _ = s.Write([]byte(text)) // it never fails
	s.report(tb, what)
}

// Secrets finds the secrets among settings, such as "BELLHOP_JWT_SECRET=..." or
// "--service-keys=name=...": signing keys, service keys, passwords in addresses.
func Secrets(settings ...string) []string {
	var found []string
	for _, setting := range settings {
		name, value, _ := strings.Cut(setting, "=")
		switch name = strings.ToLower(strings.NewReplacer("--", "", "BELLHOP_", "", "-", "_").Replace(name)); name {
		case "jwt_secret":
			found = append(found, strings.Split(value, ",")...)
		case "service_keys":
			for key := range strings.SplitSeq(value, ",") {
				_, secret, _ := strings.Cut(key, "=")
				found = append(found, secret)
			}
		case "redis", "mysql_primary", "mysql_replicas":
			for address := range strings.SplitSeq(value, ",") {
				if account, _, ok := strings.Cut(address, "@"); ok {
					found = append(found, account[strings.LastIndexByte(account, ':')+1:])
				}
			}
		}
	}
	return found
}

type search struct {
	secrets []string

	mu    sync.Mutex
	rest  []byte // of a line that has not ended
	found []string
}

func newSearch(secrets []string) *search {
	s := new(search)
	for _, secret := range secrets {
		if len(secret) >= leastSecret {
			s.secrets = append(s.secrets, secret)
		}
	}
	return s
}

// Write implements io.Writer.
func (s *search) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rest = append(s.rest, p...)
	for {
		line, rest, whole := bytes.Cut(s.rest, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		s.look(line)
		s.rest = append(s.rest[:0], rest...)
	}
}

func (s *search) look(line []byte) {
	const enough = 3
	if len(s.found) >= enough {
		return
	}
	leaks := tokenShape.Match(line)
	for _, secret := range s.secrets {
		leaks = leaks || bytes.Contains(line, []byte(secret))
	}
	if leaks {
		s.found = append(s.found, string(line))
	}
}

func (s *search) report(tb testing.TB, what string) {
	tb.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.look(s.rest)
	for _, line := range s.found {
		tb.Errorf("a token or a secret stands in %s: %s", what, line)
	}
}

// searchFiles searches the files of a folder whose names end in .log.
func searchFiles(tb testing.TB, dir string, secrets []string) {
	tb.Helper()
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".log" {
			return err
		}
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		defer f.Close()
		s := newSearch(secrets)
		if _, err := io.Copy(s, f); err != nil {
			return err
		}
		s.report(tb, path)
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		tb.Error(err)
	}
}

// searchMetrics searches what a program shows on its admin listener, if it still
// runs.
func searchMetrics(tb testing.TB, adminURL string, secrets []string) {
	tb.Helper()
	text, err := get(context.Background(), 2*time.Second, adminURL+"/metrics")
	// One that is gone, or stopped, shows nothing.
	if bad := new(url.Error); errors.As(err, &bad) && bad.Op == "parse" {
		tb.Error(err)
	}
	NoSecrets(tb, adminURL+"/metrics", string(text), secrets...)
}
