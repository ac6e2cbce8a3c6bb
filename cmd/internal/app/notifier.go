package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"golang.org/x/sync/errgroup"

	"github.com/bellhop/bellhop/cmd/internal/config"
	consolepage "github.com/bellhop/bellhop/console"
	"github.com/bellhop/bellhop/fleet"
	"github.com/bellhop/bellhop/internal/server"
	"github.com/bellhop/bellhop/notifier"
	"github.com/bellhop/bellhop/relay"
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
		x.outbox(ctx, cfg.Outbox)
		return report(inv.Stdout, x.found)
	case config.CommandRelaySchema:
		_, err := io.WriteString(inv.Stdout, relay.Schema(cfg.OutboxTable))
		return err
	case config.CommandRelay:
	default:
		return maintainLog(ctx, cfg, inv)
	}
	s, err := newNotifier(ctx, cfg, inv.Log, inv.Command == "run")
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
func NewNotifier(ctx context.Context, cfg *config.Notifier, logger *slog.Logger) (*Service, error) {
	return newNotifier(ctx, cfg, logger, true)
}

// newNotifier is NewNotifier, with the API of publishers or without.
func newNotifier(ctx context.Context, cfg *config.Notifier, logger *slog.Logger, api bool) (_ *Service, err error) {
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
		Audit:       to.log,
		Kept:        to.kept,
		Bus:         to.bus,
		ServiceRate: cfg.ServiceRate,
		MaxData:     cfg.MaxData,
	}, api)
	if err != nil {
		return nil, err
	}
	relays, err := s.addRelay(cfg.Outbox, n)
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
		if err := n.Start(ctx); err != nil || ctx.Err() != nil {
			return err
		}
		return together(ctx, escalator.Run, relays)
	})
	return s, nil
}

// together runs what ends with the context, or fails.
func together(ctx context.Context, run ...func(context.Context) error) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, f := range run {
		group.Go(func() error { return f(ctx) })
	}
	return group.Wait()
}

// addRelay has a notifier publish what stands in the outbox, if there is one. Who calls it
// calls what it returns, once the notifier works.
func (s *Service) addRelay(cfg config.Outbox, n *notifier.Notifier) (run func(context.Context) error, err error) {
	if cfg.Outbox == "" {
		return func(context.Context) error { return nil }, nil
	}
	r, err := openRelay(cfg, relay.Config{To: n, Registerer: s.registry, Logger: s.log})
	if err != nil {
		return nil, err
	}
	s.onClose(r.Close)
	s.server.AddDoubt("outbox", r.Doubt)
	return r.Run, nil
}

func openRelay(cfg config.Outbox, c relay.Config) (*relay.Relay, error) {
	c.DSN, c.Table, c.TLS = cfg.Outbox.Reveal(), cfg.OutboxTable, cfg.OutboxTLS.Config()
	return relay.New(c)
}

// addNotifier puts a notifier on the service's listener, with the API of publishers or
// without. Who calls it starts it.
func (s *Service) addNotifier(cfg notifier.Config, api bool) (*notifier.Notifier, error) {
	cfg.Registerer, cfg.Logger, cfg.Tracer = s.registry, s.log, s.tracer
	cfg.Keys, cfg.Policies = s.access.keys, s.access.policies
	n, err := notifier.New(cfg)
	if err != nil {
		return nil, err
	}
	s.notifier = n
	// Stop finishes the queue. It comes after the last request was answered.
	s.onClose(func() error { n.Stop(); return nil })
	s.server.AddCheck("log", n.Ready)
	if !api {
		return n, nil
	}
	n.Register(s.server.API)
	s.server.OnDrain(func(context.Context) { n.EndWatches() })
	page, err := consolepage.Handler(s.server.Echo, notifier.AsOperator)
	if err != nil {
		return nil, err
	}
	s.server.HandleAdmin(consolepage.Path, page)
	return n, nil
}
