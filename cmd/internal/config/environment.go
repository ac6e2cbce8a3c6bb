package config

import (
	"errors"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// maxSecretFile bounds the file of a secret, in bytes.
const maxSecretFile = 1 << 20

// environment resolves flags from variables. Kong's own way reads the process's
// environment, takes empty values for set ones, and reports the first error only.
type environment struct {
	entries []string // as os.Environ returns them
	wrong   *SettingErrors
}

func (e environment) Validate(*kong.Application) error { return nil }

func (e environment) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	if notSettings[flag.Name] {
		return nil, nil //nolint:nilnil // kong's word for "not set"
	}
	value := e.get(Variable(flag.Name))
	if mayBeInFile(flag) {
		value = e.secret(flag, value)
	}
	if value == "" {
		return nil, nil //nolint:nilnil // kong's word for "not set"
	}
	return value, nil
}

// get returns a variable, empty if it is not set. The last entry of a name
// counts, as in os/exec.
func (e environment) get(name string) string {
	for _, entry := range slices.Backward(e.entries) {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value
		}
	}
	return ""
}

// secret returns a secret from its variable or from the file that the other
// variable names.
func (e environment) secret(flag *kong.Flag, value string) string {
	path := e.get(fileVariable(flag.Name))
	switch {
	case path == "":
		return value
	case value != "":
		e.complain(flag, "is set twice, by itself and by "+fileVariable(flag.Name))
		return ""
	}
	text, err := readSecret(path)
	if err != nil {
		e.complain(flag, fileVariable(flag.Name)+": "+err.Error())
	}
	return text
}

// complain notes a problem once: kong resolves a flag for every part of a
// command.
func (e environment) complain(flag *kong.Flag, what string) {
	if !e.wrong.has(flag.Name) {
		e.wrong.addf(flag.Name, "%s", what)
	}
}

// readSecret reads the file of a secret, without the line break at its end. Of
// several lines each is an entry of a list, as if commas stood between them.
func readSecret(path string) (string, error) {
	f, err := os.Open(path) //nolint:gosec // the operator says which file
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxSecretFile+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return "", err
	}
	if len(text) > maxSecretFile {
		return "", errors.New("the file is too large for a secret")
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		return "", errors.New("the file is empty")
	}
	return strings.Join(lines, ","), nil
}

// isSecret tells whether a flag's value must not be printed.
func isSecret(flag *kong.Flag) bool {
	switch flag.Target.Type() {
	case reflect.TypeFor[Secret](), reflect.TypeFor[[]Secret]():
		return true
	}
	return false
}

// mayBeInFile tells whether a variable may name a file with the value: of secrets, and of
// the level of logs, which changes while programs run.
func mayBeInFile(flag *kong.Flag) bool { return isSecret(flag) || flag.Name == "log-level" }

// fileVariable is the variable that names the file of a secret.
func fileVariable(flag string) string { return Variable(flag) + "_FILE" }

// Names of variables for what talks to Bellhop. They are those of no setting, so
// that a terminal that has them can start a program too.
const (
	ClientURL      = "BELLHOP_URL"
	ClientGateway  = "BELLHOP_GATEWAY_URL"
	ClientKey      = "BELLHOP_KEY"          // of the service that publishes
	ClientAdminKey = "BELLHOP_ADMIN_KEY"    // erases and locks out
	ClientSecret   = "BELLHOP_TOKEN_SECRET" //nolint:gosec // a name
	ClientToken    = "BELLHOP_TOKEN"        // of a person, for doctor
)

// unknown lists the variables that look like settings and are none. Those of
// clients and tests are left out, and so are those that Kubernetes makes up for every
// service of a namespace, which may well be called bellhop.
func (e environment) unknown() []string {
	known := map[string]bool{ClientURL: true, ClientGateway: true, ClientKey: true, ClientAdminKey: true, ClientSecret: true, ClientToken: true}
	for _, program := range []Program{&Gateway{}, &Notifier{}, &Bellhop{}} {
		for _, flag := range settings(program) {
			known[Variable(flag.Name)] = true
			known[fileVariable(flag.Name)] = known[fileVariable(flag.Name)] || mayBeInFile(flag)
		}
	}
	var names []string
	for _, entry := range e.entries {
		name, value, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, "BELLHOP_") && value != "" && !known[name] &&
			!strings.HasPrefix(name, "BELLHOP_TEST_") && !kubernetesVariable(name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func kubernetesVariable(name string) bool {
	return strings.Contains(name, "_SERVICE_") || strings.HasSuffix(name, "_PORT") || strings.Contains(name, "_PORT_")
}
