package config

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the table of settings into docs/configuration.md")

const (
	referenceFile  = "../../../docs/configuration.md"
	referenceBegin = "<!-- settings: written by `go test ./cmd/internal/config -update` -->\n"
	referenceEnd   = "<!-- end of settings -->\n"
)

// TestReferenceIsThatOfTheCode compares the page's table with the settings.
func TestReferenceIsThatOfTheCode(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(referenceFile)
	require.NoError(t, err)
	before, rest, ok := strings.Cut(string(text), referenceBegin)
	require.True(t, ok, "the page has no place for the table")
	table, after, ok := strings.Cut(rest, referenceEnd)
	require.True(t, ok, "the table has no end")
	if *update {
		table = reference(t)
		require.NoError(t, os.WriteFile(referenceFile, []byte(before+referenceBegin+table+referenceEnd+after), 0o600))
	}
	require.Equal(t, reference(t), table, "run go test ./cmd/internal/config -update")
}

// reference is the settings of all programs by group, as Markdown.
func reference(t *testing.T) string {
	t.Helper()
	type setting struct{ name, help, defaults, programs string }
	var groups []string
	members := map[string][]*setting{}
	for _, program := range []Program{&Gateway{}, &Notifier{}, &Bellhop{}} {
		name, _, vars := program.about()
		for _, f := range settings(program) {
			value := f.Default
			for key, v := range vars {
				value = strings.ReplaceAll(value, "${"+key+"}", v)
			}
			if value != "" {
				value = "`" + value + "`"
			}
			group := f.Group.Title
			if _, known := members[group]; !known {
				groups = append(groups, group)
			}
			var s *setting
			for _, m := range members[group] {
				if m.name == f.Name {
					s = m
				}
			}
			switch {
			case s == nil:
				members[group] = append(members[group], &setting{f.Name, f.Help, value, name})
				continue
			case s.defaults != value:
				s.defaults += fmt.Sprintf(", %s for %s", value, name)
			}
			require.Equal(t, s.help, f.Help)
			s.programs += ", " + name
		}
	}
	var b strings.Builder
	for _, group := range groups {
		fmt.Fprintf(&b, "\n## %s\n\n| flag | variable | default | of |\n|---|---|---|---|\n", group)
		for _, s := range members[group] {
			fmt.Fprintf(&b, "| `--%s` | `%s` | %s | %s |\n", s.name, Variable(s.name), s.defaults, s.programs)
		}
		b.WriteString("\n")
		for _, s := range members[group] {
			fmt.Fprintf(&b, "* `--%s`: %s\n", s.name, s.help)
		}
	}
	b.WriteString("\n")
	return b.String()
}

// TestExampleOfThePolicyFileIsGood starts a program with it.
func TestExampleOfThePolicyFileIsGood(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(referenceFile)
	require.NoError(t, err)
	_, rest, ok := strings.Cut(string(text), "```yaml\n")
	require.True(t, ok)
	example, _, _ := strings.Cut(rest, "```")
	path := filepath.Join(t.TempDir(), "policies.yaml")
	require.NoError(t, os.WriteFile(path, []byte(example), 0o600))

	var b Bellhop
	_, err = Parse(&b, []string{"--policies=" + path}, nil, io.Discard)
	require.NoError(t, err)
	require.Equal(t, []string{"news", "room", "user"}, b.Namespaces.Namespaces())
}
