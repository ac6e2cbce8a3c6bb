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
	return inv.serve(ctx, s, err)
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

	if err := s.begin(cfg, cfg.Traces); err != nil {
		return nil, err
	}
	to, err := s.openBackends(ctx, cfg.MySQL, cfg.Redis)
	if err != nil {
		return nil, err
	}
	settings := notifier.Config{Remember: cfg.Remember, ServiceRate: cfg.ServiceRate, MaxData: cfg.MaxData}
	// Until the schema is there nothing could be written; what arrives waits in
	// the queue for a while, as it does while the primary is away.
	return s, s.addNotifier(settings, cfg.Outbox, to, api, func(ctx context.Context) error {
		if err := migrate(ctx, to.log, logger); err != nil {
			return err
		}
		return refuseUnfit(ctx, to.log)
	})
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
// without, and beside it what publishes the outbox and what escalates. They work once
// ready has returned.
func (s *Service) addNotifier(cfg notifier.Config, outbox config.Outbox, to backends, api bool, ready func(context.Context) error) error {
	m := s.newMember(fleet.RoleNotifier, to.bus)
	cfg.Log, cfg.Audit, cfg.Kept, cfg.Bus, cfg.Support = to.log, to.log, to.kept, to.bus, support(m, to)
	cfg.Registerer, cfg.Logger, cfg.Tracer = s.registry, s.log, s.tracer
	cfg.Keys, cfg.Policies = s.access.keys, s.access.policies
	n, err := notifier.New(cfg)
	if err != nil {
		return err
	}
	s.notifier = n
	// Stop finishes the queue. It comes after the last request was answered.
	s.onClose(func() error { n.Stop(); return nil })
	s.server.AddCheck("log", n.Ready)
	if api {
		n.Register(s.server.API)
		s.server.OnDrain(func(context.Context) { n.EndWatches() })
		page, err := consolepage.Handler(s.server.Echo, notifier.AsOperator)
		if err != nil {
			return err
		}
		s.server.HandleAdmin(consolepage.Path, page)
	}
	relays, err := s.addRelay(outbox, n)
	if err != nil {
		return err
	}
	escalator, err := s.newEscalator(m, to.log)
	if err != nil {
		return err
	}
	listens := to.bus.Subscriber(m.Tap(nil)) // a subscription of its own
	s.onClose(listens.Close)
	m.Start(listens)
	s.onClose(m.Close)
	s.run = append(s.run, func(ctx context.Context) error {
		if err := ready(ctx); err != nil {
			return err
		}
		if err := n.Start(ctx); err != nil || ctx.Err() != nil {
			return err
		}
		group, ctx := errgroup.WithContext(ctx)
		group.Go(func() error { return escalator.Run(ctx) })
		group.Go(func() error { return relays(ctx) })
		return group.Wait()
	})
	return nil
}
