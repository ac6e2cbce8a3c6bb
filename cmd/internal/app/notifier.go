package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/bellhop/bellhop/cmd/internal/config"
	consolepage "github.com/bellhop/bellhop/console"
	"github.com/bellhop/bellhop/fleet"
	"github.com/bellhop/bellhop/internal/server"
	"github.com/bellhop/bellhop/notifier"
)

// RunNotifier is cmd/notifier.
func RunNotifier(ctx context.Context, cfg *config.Notifier, inv Invocation) error {
	if known, err := runDesk(ctx, &cfg.Desk, cfg.PublicAddress(), inv); known {
		return err
	}
	switch inv.Command {
	case "run":
	case config.CommandDoctor:
		x := examiner{log: inv.Log}
		x.process(ctx, &cfg.HTTP, 0)
		x.backends(ctx, cfg.MySQL, cfg.Redis, cfg.Namespaces)
		return report(inv.Stdout, x.found)
	default:
		return maintainLog(ctx, cfg, inv)
	}
	s, err := NewNotifier(ctx, cfg, inv.Log)
	if err != nil {
		return err
	}
	s.reloads, s.reread = inv.Reloads, inv.Reread
	s.server.LevelOfLog(inv.Level)
	return s.Run(ctx)
}

// maintainLog carries out the commands that only need the log.
func maintainLog(ctx context.Context, cfg *config.Notifier, inv Invocation) (err error) {
	log, err := openMySQL(ctx, cfg.MySQL, inv.Log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	switch inv.Command {
	case "migrate":
		return log.Migrate(ctx)
	case "epoch new":
		return log.NewEpoch(ctx)
	case "epoch keep":
		return log.KeepEpoch(ctx)
	default:
		return fmt.Errorf("unknown command %q", inv.Command)
	}
}

// NewNotifier puts a notifier together. Neither a primary nor a Redis that is
// away keeps it from starting: without the first it says on /readyz that it is
// not ready, and without the second gateways hear of events by the log's tail,
// and events of Redis-kept channels are refused.
func NewNotifier(ctx context.Context, cfg *config.Notifier, logger *slog.Logger) (_ *Service, err error) {
	s, err := newService(ctx, cfg.HTTP, server.Origins{}, 0, logger)
	if err != nil {
		return nil, err
	}
	defer func() { err = s.closeAfter(err) }()

	if err := s.trace(cfg.Traces, "notifier"); err != nil {
		return nil, err
	}
	if err := s.begin(cfg); err != nil {
		return nil, err
	}
	to, err := s.openBackends(ctx, cfg.MySQL, cfg.Redis)
	if err != nil {
		return nil, err
	}
	m := s.newMember(fleet.RoleNotifier, to.bus)
	n, err := s.addNotifier(notifier.Config{
		Remember: cfg.Remember, Support: support(m, to),
		Log:         to.log,
		Kept:        to.kept,
		Bus:         to.bus,
		ServiceRate: cfg.ServiceRate,
		MaxData:     cfg.MaxData,
	})
	if err != nil {
		return nil, err
	}
	escalator, err := s.newEscalator(m, to.log)
	if err != nil {
		return nil, err
	}
	s.join(m, to.bus.Subscriber)
	// Until the schema is there nothing could be written; what arrives waits in
	// the queue for a while, as it does while the primary is away.
	s.run = append(s.run, func(ctx context.Context) error {
		if err := migrate(ctx, to.log, logger); err != nil {
			return err
		}
		if err := refuseUnfit(ctx, to.log); err != nil {
			return err
		}
		if err := n.Start(ctx); err != nil {
			return err
		}
		return escalator.Run(ctx)
	})
	return s, nil
}

// addNotifier puts a notifier on the service's listener. Who calls it starts it.
func (s *Service) addNotifier(cfg notifier.Config) (*notifier.Notifier, error) {
	cfg.Registerer, cfg.Logger, cfg.Tracer = s.registry, s.log, s.tracer
	cfg.Keys, cfg.Policies = s.access.keys, s.access.policies
	n, err := notifier.New(cfg)
	if err != nil {
		return nil, err
	}
	s.notifier = n
	// Stop finishes the queue. It comes after the last request was answered.
	s.onClose(func() error { n.Stop(); return nil })
	n.Register(s.server.API)
	s.server.OnDrain(func(context.Context) { n.EndWatches() })
	page, err := consolepage.Handler(s.server.Echo, notifier.AsOperator)
	if err != nil {
		return nil, err
	}
	s.server.HandleAdmin(consolepage.Path, page)
	s.server.AddCheck("log", n.Ready)
	return n, nil
}
