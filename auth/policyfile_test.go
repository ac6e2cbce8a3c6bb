package auth_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
)

func writeFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "policies.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestLoadFile(t *testing.T) {
	t.Parallel()
	p, err := auth.LoadFile(writeFile(t, `
namespaces:
  price:
    access: public
    log: redis
    retention:
      max_age: 90d
      max_count: 500
    conflate: true
    join: latest
    max_rate: 4
  team:
    access: member
    retention:
      max_age: 36h
  news:
    access: authenticated
    join: head
  ledger:
    access: authenticated
    retention: {max_age: 0, max_count: 0}
`))
	require.NoError(t, err)
	require.Equal(t, []string{"ledger", "news", "price", "team", "user"}, p.Namespaces())

	price, _ := p.Lookup("price")
	require.Equal(t, auth.Policy{
		Access: auth.AccessPublic, Log: auth.LogRedis, Retention: auth.Retention{MaxAge: 90 * 24 * time.Hour, MaxCount: 500},
		Conflate: true, JoinLatest: true, MaxRate: 4,
	}, price)
	team, _ := p.Lookup("team")
	require.Equal(t, auth.Policy{
		Access: auth.AccessMember, Log: auth.LogDatabase,
		Retention: auth.Retention{MaxAge: 36 * time.Hour, MaxCount: auth.DefaultRetention.MaxCount},
	}, team)
	ledger, _ := p.Lookup("ledger")
	require.Zero(t, ledger.Retention)
	news, _ := p.Lookup("news")
	require.Equal(t, auth.DefaultRetention, news.Retention)
	builtin, _ := auth.Builtin().Lookup("user")
	user, _ := p.Lookup("user")
	require.Equal(t, builtin, user)
}

func TestLoadFileNamesTheLine(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		line string // empty: the fault is in no one line
	}{
		"empty file":          {"", ""},
		"only a comment":      {"# nothing\n", ""},
		"no namespaces":       {"namespaces: {}\n", ""},
		"two documents":       {"namespaces:\n  a:\n    access: public\n---\nnamespaces:\n  b:\n    access: public\n", ""},
		"unknown key on top":  {"namespaces:\n  a:\n    access: public\nnamespace: 1\n", "line 4"},
		"unknown key":         {"namespaces:\n  a:\n    access: public\n    acces: owner\n", "line 4"},
		"unknown inner key":   {"namespaces:\n  a:\n    access: public\n    retention:\n      max_days: 3\n", "line 5"},
		"access left out":     {"namespaces:\n  a:\n    log: database\n", "line"},
		"unknown access":      {"namespaces:\n  a:\n    log: database\n    access: everybody\n", "line 4"},
		"unknown log":         {"namespaces:\n  a:\n    access: public\n    log: tape\n", "line 4"},
		"unknown join":        {"namespaces:\n  a:\n    access: public\n    join: newest\n", "line 4"},
		"age without unit":    {"namespaces:\n  a:\n    access: public\n    retention:\n      max_age: 90\n", "line 5"},
		"negative age":        {"namespaces:\n  a:\n    access: public\n    retention:\n      max_age: -1h\n", "line 5"},
		"endless days":        {"namespaces:\n  a:\n    access: public\n    retention:\n      max_age: 99999999d\n", "line 5"},
		"negative count":      {"namespaces:\n  a:\n    access: public\n    retention:\n      max_count: -1\n", "line 5"},
		"count is text":       {"namespaces:\n  a:\n    access: public\n    retention:\n      max_count: many\n", "line 5"},
		"conflate is text":    {"namespaces:\n  a:\n    access: public\n    conflate: maybe\n", "line 4"},
		"rate alone":          {"namespaces:\n  a:\n    access: public\n    max_rate: 3\n", "line 4"},
		"negative rate":       {"namespaces:\n  a:\n    access: public\n    max_rate: -3\n", "line 4"},
		"namespace twice":     {"namespaces:\n  a:\n    access: public\n  a:\n    access: owner\n", "line 4"},
		"bad namespace":       {"namespaces:\n  A:\n    access: public\n", "line"},
		"alias":               {"namespaces:\n  a:\n    access: &x public\n  b:\n    access: *x\n", "line"},
		"tab":                 {"namespaces:\n\ta:\n", "line 2"},
		"a list":              {"- a\n- b\n", "line 1"},
		"policy is a word":    {"namespaces:\n  a: public\n", "line 2"},
		"longer than allowed": {"namespaces:\n  a:\n    access: public\n# " + strings.Repeat("x", 64<<10), "longer than 65536 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := writeFile(t, c.text)
			_, err := auth.LoadFile(path)
			require.ErrorIs(t, err, auth.ErrPolicy)
			require.ErrorContains(t, err, path)
			require.ErrorContains(t, err, c.line)
			require.NotContains(t, err.Error(), "\n", "an error is one line")
		})
	}
}

func TestLoadFileThatIsNotThere(t *testing.T) {
	t.Parallel()
	_, err := auth.LoadFile(filepath.Join(t.TempDir(), "none.yaml"))
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// Names in the file are quoted back, whatever they are made of.
func TestAnErrorOfThePolicyFileIsOnePrintableLine(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"! \x84\n\ns:", "\"a\\nb\": 1", "\"a\\e[31mb\": 1", "namespaces: {a: {\"x\\ny\": 1}}"} {
		_, err := auth.LoadFile(writeFile(t, text))
		require.ErrorIs(t, err, auth.ErrPolicy)
		require.NotRegexp(t, `[[:cntrl:]]`, err.Error())
	}
}
