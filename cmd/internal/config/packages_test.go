package config

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const packageFolder = "../../../deploy/packages"

// packaged are the settings that the packages come with; all others are in their
// files as comments. With what else a program needs, if anything.
var packaged = []struct {
	unit    string
	program func() Program
	set     map[string]string
	needs   []string
}{
	{"bellhop", func() Program { return new(Bellhop) }, map[string]string{
		"BELLHOP_DEMO": "off", "BELLHOP_JWT_SECRET_FILE": "/etc/bellhop/jwt-secret", "BELLHOP_SERVICE_KEYS_FILE": "/etc/bellhop/service-keys",
	}, nil},
	{"bellhop-gateway", func() Program { return new(Gateway) }, map[string]string{"BELLHOP_JWT_SECRET_FILE": "/etc/bellhop/jwt-secret"},
		[]string{"BELLHOP_MYSQL_PRIMARY=u:p@tcp(db)/bellhop", "BELLHOP_REDIS=redis://redis"}},
	{"bellhop-notifier", func() Program { return new(Notifier) }, map[string]string{"BELLHOP_SERVICE_KEYS_FILE": "/etc/bellhop/service-keys"},
		[]string{"BELLHOP_MYSQL_PRIMARY=u:p@tcp(db)/bellhop", "BELLHOP_REDIS=redis://redis"}},
}

// TestPackagesHaveEverySetting: /etc/bellhop/*.env are made of the programs' settings.
func TestPackagesHaveEverySetting(t *testing.T) {
	t.Parallel()
	for _, p := range packaged {
		path := filepath.Join(packageFolder, p.unit+".env")
		want := environmentFile(p.program(), p.unit, p.set)
		if *update {
			require.NoError(t, os.WriteFile(path, []byte(want), 0o600))
		}
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, want, string(text), "run go test ./cmd/internal/config -update")
		for name := range p.set {
			require.Regexp(t, `(?m)^`+name+`=`, string(text), "the program has no such setting")
		}
	}
}

// TestPackagedSettingsAreGood: with them, and what each program cannot do without,
// it would start; so it would with any default that is a comment in its file.
func TestPackagedSettingsAreGood(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secret, []byte("k="+strings.Repeat("x", 64)), 0o600))
	for _, p := range packaged {
		text, err := os.ReadFile(filepath.Join(packageFolder, p.unit+".env"))
		require.NoError(t, err)
		environ := p.needs
		for _, m := range regexp.MustCompile(`(?m)^#?(BELLHOP_\w+)=(.+)$`).FindAllStringSubmatch(string(text), -1) {
			if strings.HasSuffix(m[1], "_FILE") {
				m[2] = secret
			}
			environ = append(environ, m[1]+"="+m[2])
		}
		_, err = Parse(p.program(), nil, environ, new(strings.Builder))
		require.NoError(t, err, p.unit)
	}
}

// TestUnitOutlivesTheDrain: systemd kills no program that still ends its streams.
func TestUnitOutlivesTheDrain(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(packageFolder, "service"))
	require.NoError(t, err)
	m := regexp.MustCompile(`(?m)^TimeoutStopSec=(\d+)$`).FindStringSubmatch(string(text))
	require.NotNil(t, m)
	stop, err := time.ParseDuration(m[1] + "s")
	require.NoError(t, err)
	var g Gateway
	_, err = Parse(&g, []string{"health"}, nil, new(strings.Builder))
	require.NoError(t, err)
	require.Positive(t, g.Drain)
	require.Greater(t, stop, g.DrainDelay+g.Drain+10*time.Second)
}

// environmentFile is the settings of a program as systemd reads them.
func environmentFile(program Program, unit string, set map[string]string) string {
	_, _, defaults := program.about()
	var b strings.Builder
	fmt.Fprintf(&b, "# Settings of %s. What is commented out shows the default, if there is one.\n# They count from the next start: systemctl restart %s\n", unit, unit)
	group := ""
	for _, f := range settings(program) {
		if f.Group.Title != group {
			group = f.Group.Title
			fmt.Fprintf(&b, "\n# --- %s %s\n", group, strings.Repeat("-", 76-len(group)))
		}
		name, value := Variable(f.Name), f.Default
		for key, v := range defaults {
			value = strings.ReplaceAll(value, "${"+key+"}", v)
		}
		if isSecret(f) {
			name = fileVariable(f.Name)
		}
		b.WriteString("\n" + comment(f.Help))
		if given, ok := set[name]; ok {
			fmt.Fprintf(&b, "%s=%s\n", name, given)
		} else {
			fmt.Fprintf(&b, "#%s=%s\n", name, value)
		}
	}
	return b.String()
}

// comment breaks a text into lines of a comment.
func comment(text string) string {
	var b strings.Builder
	line := "#"
	for word := range strings.FieldsSeq(text) {
		if len(line)+1+len(word) > 84 {
			b.WriteString(line + "\n")
			line = "#"
		}
		line += " " + word
	}
	return b.String() + line + "\n"
}
