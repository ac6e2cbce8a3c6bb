package config

import (
	"fmt"

	"github.com/alecthomas/kong"
)

// Gateway is the settings of cmd/gateway.
type Gateway struct {
	HTTP     `group:"Listening"`
	MySQL    `group:"Storage and bus"`
	Redis    `group:"Storage and bus"`
	Tokens   `group:"Access"`
	Policies `group:"Access"`
	Streams  `group:"Streams"`
	Support  `group:"Support"`
	Logging  `group:"Logging"`
	Traces   `group:"Traces"`
	Diagnosis

	Run    struct{} `cmd:"" default:"1" help:"Serve clients (the default)."`
	Health struct{} `cmd:"" help:"Ask the gateway that runs with these settings whether it is ready; exit 0 if it is."`
}

func (g *Gateway) about() (string, string, kong.Vars) {
	return "gateway", "Holds the browsers' event streams and answers their reads. Stateless: run as many as you need.",
		kong.Vars{"listen": ":8080", "admin_listen": "127.0.0.1:9090", "log_format": "json"}
}

func (g *Gateway) check(command string, p *SettingErrors) {
	p.check(&g.HTTP, &g.Logging)
	if command == "health" || g.Diagnosis.check(command, p) {
		return
	}
	p.check(&g.MySQL, &g.Redis, &g.Tokens)
	p.require("jwt-secret", g.anyKey(), ", or --jwt-public-key or --jwks-url")
	p.check(&g.Policies, &g.Streams, &g.Support, &g.Traces)
}

// Commands of the notifier about the outbox.
const (
	CommandRelay       = "relay run"
	CommandRelaySchema = "relay schema"
)

// Notifier is the settings of cmd/notifier.
type Notifier struct {
	HTTP     `group:"Listening"`
	MySQL    `group:"Storage and bus"`
	Redis    `group:"Storage and bus"`
	Outbox   `group:"Outbox"`
	Services `group:"Access"`
	Policies `group:"Access"`
	Support  `group:"Support"`
	Logging  `group:"Logging"`
	Traces   `group:"Traces"`
	Diagnosis
	Desk

	Run     struct{} `cmd:"" default:"1" help:"Accept events (the default). The schema is migrated first, under a lock."`
	Migrate struct{} `cmd:"" help:"Bring the database's schema up to date and exit."`
	Epoch   struct {
		New  struct{} `cmd:"" help:"Begin a new epoch: run it after the database was restored from a backup."`
		Keep struct{} `cmd:"" help:"Keep the epoch on the server that is now the primary: run it after a planned switch-over that lost nothing."`
	} `cmd:"" help:"Tell the log about a restore or a planned switch-over."`
	Relay struct {
		Run    struct{} `cmd:"" default:"1" hidden:"" help:"Publish the rows of the outbox (the default)."`
		Schema struct{} `cmd:"" help:"Print the statements that make the outbox's tables."`
	} `cmd:"" help:"Publish the rows of a product's outbox, and take no events from services."`
	Health struct{} `cmd:"" help:"Ask the notifier that runs with these settings whether it is ready; exit 0 if it is."`
}

func (n *Notifier) about() (string, string, kong.Vars) {
	return "notifier", "Accepts events from backend services, writes them to the log and publishes them. Run as many as you need.",
		kong.Vars{"listen": ":8081", "admin_listen": "127.0.0.1:9091", "log_format": "json"}
}

func (n *Notifier) check(command string, p *SettingErrors) {
	n.Logging.check(p)
	if n.Diagnosis.check(command, p) || n.Desk.check(command, p) {
		return
	}
	n.Outbox.check(p)
	switch command {
	case "health":
		n.HTTP.check(p)
	case CommandRelaySchema:
	case "run", CommandRelay:
		p.check(&n.HTTP, &n.MySQL, &n.Redis, &n.Services)
		if command == CommandRelay {
			p.require("outbox", n.Outbox.Outbox != "", "")
		} else {
			p.require("service-keys", n.ServiceKeys != "", "")
		}
		p.check(&n.Policies, &n.Support, &n.Traces)
	default: // migrate, epoch new, epoch keep
		n.MySQL.check(p)
	}
}

// Bellhop is the settings of cmd/bellhop.
type Bellhop struct {
	HTTP     `group:"Listening"`
	SQLite   `group:"Storage and bus"`
	Outbox   `group:"Outbox"`
	Tokens   `group:"Access"`
	Services `group:"Access"`
	Policies `group:"Access"`
	Demo     Switch `group:"Access" placeholder:"on|off" default:"auto" help:"The demo page, where anybody can sign in as anybody. auto: on if only this machine can connect and no token key is set."`
	Streams  `group:"Streams"`
	Support  `group:"Support"`
	Logging  `group:"Logging"`
	Traces   `group:"Traces"`
	Diagnosis
	Desk

	Run    struct{} `cmd:"" default:"1" help:"Serve clients and services (the default)."`
	Health struct{} `cmd:"" help:"Ask the process that runs with these settings whether it is ready; exit 0 if it is."`
	Token  struct {
		User     string   `arg:"" help:"The subject; the token opens the inbox user:USER."`
		Channels []string `placeholder:"PATTERN" sep:"," help:"Channels of which the person is a member, such as room:7 or room:*, comma-separated."`
	} `cmd:"" help:"Print a token of the demo, signed with its key, for use with curl."`
	Env struct{} `cmd:"" help:"Print the address and the development keys as variables for a shell: eval \"$(bellhop env)\"."`
}

func (b *Bellhop) about() (string, string, kong.Vars) {
	return "bellhop", "Gateway, notifier and demo in one process, with an embedded database: the way to try Bellhop, and enough for a small site.",
		kong.Vars{"listen": "127.0.0.1:8080", "admin_listen": "127.0.0.1:9090", "log_format": "text"}
}

func (b *Bellhop) check(command string, p *SettingErrors) {
	p.check(&b.HTTP, &b.Logging)
	if command == "health" || b.Diagnosis.check(command, p) || b.Desk.check(command, p) {
		return
	}
	b.SQLite.check(p)
	if command != "run" { // token and env: of the demo that runs
		return
	}
	p.check(&b.Outbox, &b.Tokens, &b.Services, &b.Policies, &b.Streams, &b.Support, &b.Traces)
	switch {
	case b.Demo == On && b.anyKey():
		p.addf("demo", "signs everybody in as anybody, so it cannot be on together with the key of real tokens")
	case !b.WithDemo() && !p.has("demo"):
		why := ", because there is no demo: " + b.WithoutDemo()
		p.require("jwt-secret", b.anyKey(), why)
		p.require("service-keys", b.ServiceKeys != "", why)
	}
}

// WithDemo tells whether the demo is to be served.
func (b *Bellhop) WithDemo() bool { return b.WithoutDemo() == "" }

// WithoutDemo is why the demo is not served, and what to do about that; empty where
// it is.
func (b *Bellhop) WithoutDemo() string {
	named := func(flag, why string) string { return fmt.Sprintf("--%s (%s) %s", flag, Variable(flag), why) }
	switch key := b.keySetting(); {
	case b.Demo == On:
		return ""
	case b.Demo == Off:
		return named("demo", "is off")
	case key != "":
		return named(key, "is set; for the demo: unset "+Variable(key))
	case !b.loopback():
		return named("listen", "lets other machines in")
	}
	return ""
}

// ForThisMachine tells whether the demo is served, to nobody but this machine.
func (b *Bellhop) ForThisMachine() bool { return b.WithDemo() && b.loopback() }

// Switch is a setting that may be left to the program.
type Switch int

// The positions of a Switch.
const (
	Auto Switch = iota
	On
	Off
)

func parseSwitch(s string) (Switch, error) {
	switch s {
	case "auto":
		return Auto, nil
	case "on", "true", "1", "yes":
		return On, nil
	case "off", "false", "0", "no":
		return Off, nil
	default:
		return 0, fmt.Errorf("unknown position %q", s)
	}
}

var (
	_ Program = (*Gateway)(nil)
	_ Program = (*Notifier)(nil)
	_ Program = (*Bellhop)(nil)
)
