package config

import (
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
)

// TestComposeFileTakesEverySetting: whoever runs docker-compose.yml can set what
// the programs can be set to.
func TestComposeFileTakesEverySetting(t *testing.T) {
	t.Parallel()
	// What a container has no other choice of.
	fixed := map[string]bool{"BELLHOP_LISTEN": true, "BELLHOP_LOG_FORMAT": true}
	text, err := os.ReadFile("../../../docker-compose.yml")
	require.NoError(t, err)
	var file struct {
		Services map[string]struct{ Environment map[string]any }
	}
	require.NoError(t, yaml.Unmarshal(text, &file))
	for service, program := range map[string]Program{"gateway-blue": &Gateway{}, "gateway-green": &Gateway{}, "notifier": &Notifier{}} {
		environment := file.Services[service].Environment
		known := map[string]bool{"GOMEMLIMIT": true}
		for _, flag := range settings(program) {
			name := Variable(flag.Name)
			known[name], known[fileVariable(flag.Name)] = true, true
			_, set := environment[name]
			_, inFile := environment[fileVariable(flag.Name)]
			// TLS between containers of one machine would guard nothing.
			inside := strings.HasPrefix(name, "BELLHOP_MYSQL_TLS_") || strings.HasPrefix(name, "BELLHOP_REDIS_TLS_")
			require.True(t, set || inFile || inside || fixed[name], "%s cannot be set for %s", name, service)
		}
		for name := range maps.Keys(environment) {
			require.True(t, known[name], "%s has no setting %s", service, name)
		}
	}
}

// TestPoliciesOfTheComposeFileAreTheBuiltIn ones, for as long as nobody changes them.
func TestPoliciesOfTheComposeFileAreTheBuiltIn(t *testing.T) {
	t.Parallel()
	policies, err := auth.LoadFile("../../../docker/policies.yaml")
	require.NoError(t, err)
	require.Equal(t, auth.Builtin(), policies)
}
