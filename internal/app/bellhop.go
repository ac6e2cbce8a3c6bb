package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/gateway/limit"
	"github.com/bellhop/bellhop/internal/config"
	"github.com/bellhop/bellhop/notifier"
	"github.com/bellhop/bellhop/store"
)

// demoUser is whom the printed commands are about.
const demoUser = "42"

// RunBellhop is cmd/bellhop.
func RunBellhop(ctx context.Context, cfg *config.Bellhop, inv Invocation) error {
	switch inv.Command {
	case "health":
		return Health(ctx, cfg.Listen)
	case "token":
		return printToken(cfg, inv.Stdout)
	case "run":
		s, err := NewBellhop(ctx, cfg, inv.Log, inv.Stdout)
		if err != nil {
			return err
		}
		return s.Run(ctx)
	default:
		return fmt.Errorf("unknown command %q", inv.Command)
	}
}

// NewBellhop puts gateway and notifier together in one process, on one listener,
// with a log in a file and a bus in memory; and the demo, if the settings ask
// for it, whose greeting goes to stdout.
func NewBellhop(ctx context.Context, cfg *config.Bellhop, logger *slog.Logger, stdout io.Writer) (_ *Service, err error) {
	s, err := newService(ctx, cfg.HTTP, cfg.Origins(), cfg.Drain, logger)
	if err != nil {
		return nil, err
	}
	defer func() { err = s.closeAfter(err) }()

	tokens, publishers := cfg.TokenConfig(), cfg.ServiceKeys.Reveal()
	var d *demo
	if cfg.WithDemo() {
		keys, err := loadDevKeys(devKeyFile(cfg))
		if err != nil {
			return nil, err
		}
		d = &demo{keys: keys, keyFile: devKeyFile(cfg), api: s.server.Echo}
		d.register(s.server)
		tokens.Secrets = []string{keys.Signing}
		publishers = strings.TrimPrefix(publishers+","+demoService+"="+keys.Service, ",")
	}
	serviceKeys, err := auth.ParseServiceKeys(publishers)
	if err != nil {
		return nil, err
	}
	log, err := store.OpenSQLite(ctx, cfg.SQLite.SQLite)
	if err != nil {
		return nil, fmt.Errorf("log in %s: %w", cfg.SQLite.SQLite, err)
	}
	s.onClose(log.Close)
	bus := fanout.NewMemory(fanout.Config{Logger: logger})

	n, err := s.addNotifier(notifier.Config{
		Log:      log,
		Bus:      bus,
		Policies: cfg.Namespaces(),
		Keys:     serviceKeys,

		ServiceRate: cfg.ServiceRate,
		Batchers:    1, // SQLite writes one transaction at a time
	})
	if err != nil {
		return nil, err
	}
	// The gateway has no check of its own on /readyz: it needs the same log.
	err = s.addGateway(ctx, cfg.Streams, cfg.Tokens, gatewayParts{
		log:        log,
		subscriber: bus.Subscriber,
		counter:    new(limit.Memory).Join,
		tokens:     tokens,
		policies:   cfg.Namespaces(),
	})
	if err != nil {
		return nil, err
	}
	s.run = append(s.run, n.Start)
	if d != nil {
		return s, d.greet(s, stdout)
	}
	return s, nil
}

// devKeyFile is where the demo's keys are kept.
func devKeyFile(cfg *config.Bellhop) string { return cfg.SQLite.SQLite + ".keys" }

// printToken prints a token of the demo.
func printToken(cfg *config.Bellhop, stdout io.Writer) error {
	keys, err := loadDevKeys(devKeyFile(cfg))
	if err != nil {
		return err
	}
	token, err := (&demo{keys: keys}).sign(cfg.Token.User)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(stdout, token)
	return err
}
