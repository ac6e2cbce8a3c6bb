package config

import (
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestCheckJudgesWhatAStartWould, with the same lines, and what a start passes over
// besides: each fault is a line, and none holds a secret.
func TestCheckJudgesWhatAStartWould(t *testing.T) {
	t.Parallel()
	file := func(name, text string) string {
		path := filepath.Join(t.TempDir(), name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	policies := file("policies.yaml", "namespaces:\n  user:\n    acces: owner\n")
	issuers := file("issuers.yaml", "issuers:\n  - issuer: https://login.example\n")
	for name, c := range map[string]struct {
		program Program
		environ []string
		faults  []string
	}{
		"good gateway":  {&Gateway{}, goodGateway(), nil},
		"good notifier": {&Notifier{}, goodNotifier(), nil},
		"good bellhop":  {&Bellhop{}, nil, nil},
		"gateway": {&Gateway{}, goodGateway("BELLHOP_MYSQL_PRIMARY=hunter2", "BELLHOP_POLICIES="+policies, "BELLHOP_ISSUERS="+issuers, "BELLHOP_HEARTBEET=5s"), []string{
			"--mysql-primary (BELLHOP_MYSQL_PRIMARY): does not parse",
			"--issuers (BELLHOP_ISSUERS): ",
			"--policies (BELLHOP_POLICIES): policy file " + policies,
			"BELLHOP_HEARTBEET: is not a setting of Bellhop",
		}},
		"notifier": {&Notifier{}, goodNotifier("BELLHOP_REDIS=hunter2", "BELLHOP_SERVICE_KEYS=forum@romo+user=abcdefghijklmnop,shop=hunter2"), []string{
			"--redis (BELLHOP_REDIS): does not parse",
			"--service-keys (BELLHOP_SERVICE_KEYS): forum may publish in romo, which has no policy",
			"--service-keys (BELLHOP_SERVICE_KEYS): the secret of shop is shorter than 16 bytes",
		}},
		"bellhop": {&Bellhop{}, []string{"BELLHOP_SERVICE_KEYS=shop=hunter2"}, []string{
			"--service-keys (BELLHOP_SERVICE_KEYS): the secret of shop is shorter than 16 bytes",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse(c.program, []string{"check"}, c.environ, io.Discard)
			if c.faults == nil {
				require.NoError(t, err)
				return
			}
			faults, ok := err.(SettingErrors) //nolint:errorlint // it is not wrapped
			require.True(t, ok, "%v", err)
			require.Len(t, faults, len(c.faults), "%v", faults)
			for i, fault := range c.faults {
				require.Contains(t, faults[i], fault)
				require.NotContains(t, faults[i], "hunter2")
			}
		})
	}
}
