package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/bellhop/bellhop/cmd/internal/config"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/fleet"
	"github.com/bellhop/bellhop/gateway/limit"
	"github.com/bellhop/bellhop/notifier"
	"github.com/bellhop/bellhop/store"
	"github.com/bellhop/bellhop/store/kept"
)

// demoUser is whom the printed commands are about.
const demoUser = "42"

// RunBellhop is cmd/bellhop.
func RunBellhop(ctx context.Context, cfg *config.Bellhop, inv Invocation) error {
	if known, err := runDesk(ctx, &cfg.Desk, cfg.PublicAddress(), inv); known {
		return err
	}
	switch inv.Command {
	case "token":
		return printToken(cfg, inv.Stdout)
	case "env":
		return printEnv(cfg, inv.Stdout)
	case config.CommandDoctor:
		x := examiner{log: inv.Log, token: cfg.TokenToJudge()}
		x.process(ctx, &cfg.HTTP, cfg.MaxStreams)
		if !cfg.WithDemo() { // the demo signs its own
			x.tokens(ctx, cfg.TokenConfig())
		}
		x.nginx(cfg.NginxToJudge(), cfg.Streams)
		x.outbox(ctx, cfg.Outbox)
		return report(inv.Stdout, x.found)
	}
	s, err := NewBellhop(ctx, cfg, inv.Log, inv.Stdout)
	if err != nil {
		return err
	}
	s.reloads = inv.Reloads
	s.server.LevelOfLog(inv.Level)
	return s.Run(ctx)
}

// NewBellhop puts gateway and notifier together in one process, on one listener,
// with a log in a file, and a bus and the log of Redis-kept channels in memory;
// and the demo, if the settings ask for it, whose greeting goes to stdout.
func NewBellhop(ctx context.Context, cfg *config.Bellhop, logger *slog.Logger, stdout io.Writer) (_ *Service, err error) {
	origins := cfg.Origins
	if cfg.ForThisMachine() {
		origins = origins.WithThisMachine()
	}
	s, err := newService(ctx, cfg.HTTP, origins, cfg.Drain, logger)
	if err != nil {
		return nil, err
	}
	defer func() { err = s.closeAfter(err) }()

	if err := s.trace(cfg.Traces, "bellhop"); err != nil {
		return nil, err
	}
	var keys devKeys
	if cfg.WithDemo() {
		if keys, err = loadDevKeys(devKeyFile(cfg)); err != nil {
			return nil, err
		}
		s.readAccess = keys.access
	} else {
		logger.Info("there is no demo page", "because", cfg.WithoutDemo())
	}
	if err := s.begin(cfg); err != nil {
		return nil, err
	}
	s.server.Echo.Pre(rewriteRafflePath)
	log, err := store.OpenSQLite(ctx, cfg.SQLite.SQLite)
	if err != nil {
		return nil, fmt.Errorf("log in %s: %w", cfg.SQLite.SQLite, err)
	}
	s.onClose(log.Close)
	bus := fanout.NewMemory(fanout.Config{Logger: logger})
	inMemory := kept.NewMemory(bus, keptConfig(s.policies.Load, logger))

	m := s.newMember(fleet.RoleNotifier, bus)
	n, err := s.addNotifier(notifier.Config{
		Remember: cfg.Remember, Support: support(m, backends{log: log}),
		Log:         log,
		Audit:       log,
		Kept:        inMemory,
		Bus:         bus,
		ServiceRate: cfg.ServiceRate,
		MaxData:     cfg.MaxData,
		Batchers:    1, // SQLite writes one transaction at a time
	}, true)
	if err != nil {
		return nil, err
	}
	relays, err := s.addRelay(cfg.Outbox, n)
	if err != nil {
		return nil, err
	}
	escalator, err := s.newEscalator(m, log)
	if err != nil {
		return nil, err
	}
	s.join(m, bus.Subscriber)
	// The gateway has no check of its own on /readyz: it needs the same log.
	err = s.addGateway(ctx, cfg.Streams, cfg.Tokens, gatewayParts{
		member: s.newMember(fleet.RoleGateway, bus), remember: cfg.Remember,
		log:        log,
		kept:       inMemory,
		publisher:  bus,
		subscriber: bus.Subscriber,
		counter:    func(func(string, int) int) limit.Counter { return new(limit.Memory).Join() },
	})
	if err != nil {
		return nil, err
	}
	s.run = append(s.run, func(ctx context.Context) error {
		if err := n.Start(ctx); err != nil {
			return err
		}
		return together(ctx, escalator.Run, relays)
	})
	if !cfg.WithDemo() {
		return s, nil
	}
	if err := s.addDemo(ctx, cfg, keys); err != nil {
		return nil, err
	}
	s.run = append(s.run, func(ctx context.Context) error {
		<-ctx.Done()
		streams, _ := s.openStreams(ctx)
		return sayGoodbye(stdout, streams, cfg.DrainDelay+cfg.Drain)
	})
	return s, greet(stdout, s.URL(), devKeyFile(cfg), keys)
}

// devKeyFile is where the demo's keys are kept.
func devKeyFile(cfg *config.Bellhop) string { return cfg.SQLite.SQLite + ".keys" }
