package app

import (
	"context"
	"fmt"
	"io"
	"log/slog"

	"github.com/bellhop/bellhop/cmd/internal/config"
	"github.com/bellhop/bellhop/fanout"
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
		x := examiner{log: inv.Log, token: cfg.Doctor.Around.Token.Reveal()}
		x.process(ctx, &cfg.HTTP, cfg.MaxStreams)
		if !cfg.WithDemo() { // the demo signs its own
			x.tokens(ctx, cfg.TokenConfig())
		}
		x.nginx(cfg.Doctor.Around.Nginx, cfg.Streams)
		x.outbox(ctx, cfg.Outbox)
		return report(inv.Stdout, x.found)
	}
	s, err := NewBellhop(ctx, cfg, inv.Log, inv.Stdout)
	return inv.serve(ctx, s, err)
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

	var keys devKeys
	if cfg.WithDemo() {
		if keys, err = loadDevKeys(devKeyFile(cfg)); err != nil {
			return nil, err
		}
		s.readAccess = keys.access
	} else {
		logger.Info("there is no demo page", "because", cfg.WithoutDemo())
	}
	if err := s.begin(cfg, cfg.Traces); err != nil {
		return nil, err
	}
	s.server.Echo.Pre(rewriteRafflePath)
	log, err := store.OpenSQLite(ctx, cfg.SQLite.SQLite)
	if err != nil {
		return nil, fmt.Errorf("log in %s: %w", cfg.SQLite.SQLite, err)
	}
	s.onClose(log.Close)
	bus := fanout.NewMemory(fanout.Config{Logger: logger})
	to := backends{log: log, bus: bus, kept: kept.NewMemory(bus, keptConfig(s.policies.Load, logger))}
	// SQLite writes one transaction at a time.
	settings := notifier.Config{Remember: cfg.Remember, ServiceRate: cfg.ServiceRate, MaxData: cfg.MaxData, Batchers: 1}
	if err := s.addNotifier(settings, cfg.Outbox, to, true, func(context.Context) error { return nil }); err != nil {
		return nil, err
	}
	// The gateway has no check of its own on /readyz: it needs the same log.
	if err := s.addGateway(ctx, cfg.Streams, cfg.AccessTokenQuery, cfg.Remember, to); err != nil {
		return nil, err
	}
	if !cfg.WithDemo() {
		return s, nil
	}
	if err := s.addDemo(ctx, cfg, keys); err != nil {
		return nil, err
	}
	s.run = append(s.run, func(ctx context.Context) error {
		<-ctx.Done()
		return sayGoodbye(stdout, s.gateway.Streams(), cfg.DrainDelay+cfg.Drain)
	})
	return s, greet(stdout, s.URL(), devKeyFile(cfg), keys)
}

// devKeyFile is where the demo's keys are kept.
func devKeyFile(cfg *config.Bellhop) string { return cfg.SQLite.SQLite + ".keys" }
