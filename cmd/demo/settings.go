package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
)

// settings are where everything is.
type settings struct {
	listen   string
	database string
	notifier string // its address
	gateway  string // its address; empty: a proxy in front brings /v1 there
	key      string // of the service, as the notifier knows it
	secret   string // signs tokens; the gateway's
}

// errVersion means that the version was asked for.
var errVersion = errors.New("version")

// parse reads flags; what they do not say the environment does. A secret may also
// stand in a file that a variable names (DEMO_KEY_FILE), as containers have them.
// It returns the command too: "" to serve, or "health".
func parse(args []string, getenv func(string) string, stderr io.Writer) (s settings, command string, err error) {
	flags := flag.NewFlagSet("demo", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprint(stderr, "usage: demo [flags] [health]\n\nEach flag may be given in the environment instead, as DEMO_LISTEN and so on;\nDEMO_KEY_FILE and DEMO_JWT_SECRET_FILE name files that hold the secrets.\n\n")
		flags.PrintDefaults()
	}
	var missing []error
	add := func(to *string, name, value, help string) {
		variable := "DEMO_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
		if v := getenv(variable); v != "" {
			value = v
		} else if file := getenv(variable + "_FILE"); file != "" {
			text, err := os.ReadFile(file) //nolint:gosec // the operator names it
			if err != nil {
				missing = append(missing, fmt.Errorf("%s_FILE: %w", variable, err))
			}
			value = strings.TrimSpace(string(text))
		}
		// Not as the flag's default, which -help would print.
		*to = value
		flags.Func(name, help, func(v string) error { *to = v; return nil })
	}
	add(&s.listen, "listen", "127.0.0.1:8090", "`address` to serve on (127.0.0.1:8090)")
	add(&s.database, "database", "demo.db", "`file` of its own database (demo.db)")
	add(&s.notifier, "notifier", "http://127.0.0.1:8081", "`URL` of the notifier (http://127.0.0.1:8081)")
	add(&s.gateway, "gateway", "", "`URL` of a gateway: requests under /v1 are passed on to it. Without, a proxy in front has to do so")
	add(&s.key, "key", "", "`secret` of its service key at the notifier; as name=secret too")
	add(&s.secret, "jwt-secret", "", "`secret` that tokens are signed with; the gateway's")
	asked := flags.Bool("version", false, "print version, commit, date and Go's version, and exit")
	if err := flags.Parse(args); err != nil {
		return s, "", err
	}
	if *asked {
		return s, "", errVersion
	}
	if s.key == "" {
		missing = append(missing, errors.New("-key is missing"))
	}
	if s.secret == "" {
		missing = append(missing, errors.New("-jwt-secret is missing"))
	}
	switch command = flags.Arg(0); {
	case flags.NArg() > 1 || command != "" && command != "health":
		return s, "", fmt.Errorf("unknown command %q", strings.Join(flags.Args(), " "))
	case command == "health":
		return s, command, nil // it needs no secrets
	}
	s.key = firstSecret(s.key)
	return s, "", errors.Join(missing...)
}

// firstSecret takes the secret of the first key of a list, as a notifier is given
// it (name=secret, comma-separated). A secret alone is good too, and may end as
// base64 does.
func firstSecret(key string) string {
	_, list, named := strings.Cut(key, "=")
	first, _, _ := strings.Cut(list, ",")
	if !named || strings.Trim(first, "=") == "" {
		return key
	}
	return first
}
