package app

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/bellhop/bellhop/cmd/internal/config"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/fleet"
	"github.com/bellhop/bellhop/gateway"
	"github.com/bellhop/bellhop/gateway/hub"
	"github.com/bellhop/bellhop/gateway/limit"
)

// RunGateway is cmd/gateway.
func RunGateway(ctx context.Context, cfg *config.Gateway, inv Invocation) error {
	if inv.Command == config.CommandDoctor {
		x := examiner{log: inv.Log, token: cfg.Doctor.Around.Token.Reveal()}
		x.process(ctx, &cfg.HTTP, cfg.MaxStreams)
		x.backends(ctx, cfg.MySQL, cfg.Redis, cfg.Namespaces)
		x.tokens(ctx, cfg.TokenConfig())
		x.nginx(cfg.Doctor.Around.Nginx, cfg.Streams)
		return report(inv.Stdout, x.found)
	}
	s, err := NewGateway(ctx, cfg, inv.Log)
	return inv.serve(ctx, s, err)
}

// NewGateway puts a gateway together. Neither a database nor a Redis that is
// away keeps it from starting: without the first it says on /readyz that it is
// not ready, and without the second it hears of events by the log's tail, and
// Redis-kept channels wait.
func NewGateway(ctx context.Context, cfg *config.Gateway, logger *slog.Logger) (_ *Service, err error) {
	s, err := newService(ctx, cfg.HTTP, cfg.Origins, cfg.Drain, logger)
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
	s.server.AddCheck("log", to.log.Readable)
	s.run = append(s.run, func(ctx context.Context) error { return refuseUnfit(ctx, to.log) })
	return s, s.addGateway(ctx, cfg.Streams, cfg.AccessTokenQuery, cfg.Remember, to)
}

// addGateway puts a gateway on the service's listener. It serves from then on.
func (s *Service) addGateway(ctx context.Context, cfg config.Streams, tokenInQuery config.Switch, remember int, to backends) error {
	keys, err := openTokenKeys(s.access.tokens, s.log)
	s.tokenKeys.Store(keys)
	s.onClose(func() error { return s.tokenKeys.Load().Close() })
	if err != nil {
		return err
	}
	if len(keys.sets) > 0 {
		s.server.AddCheck("issuer", func(ctx context.Context) error { return s.tokenKeys.Load().Ready(ctx) })
	}
	revocations := gateway.NewRevocations(ctx, to.log, keys.Leeway(), s.log)
	s.onClose(revocations.Close)
	s.server.AddCheck("revocations", revocations.Ready)
	if err := s.registry.Register(accessFigures(s.tokenKeys.Load, revocations)); err != nil {
		return err
	}
	m := s.newMember(fleet.RoleGateway, to.bus)
	var listens fanout.Subscriber
	h, err := hub.New(hub.Config{
		Revoked:  revocations.Soon,
		Remember: remember,
		Log:      to.log,
		Kept:     to.kept,
		Rules:    rules(s.policies.Load),
		Bus: func(handler fanout.Handler) (fanout.Subscriber, error) {
			listens = to.bus.Subscriber(m.Tap(handler))
			return listens, nil
		},
		Traced:     s.traced(),
		Logger:     s.log,
		Registerer: s.registry,
	})
	if err != nil {
		return err
	}
	s.onClose(h.Close)
	s.server.AddDoubt("bus", func() string {
		if d := h.Doubt(); d > 0 {
			return fmt.Sprintf("in doubt for %s: events come by the log's tail, up to a second late", d.Round(time.Second/10))
		}
		return ""
	})
	guard := limit.Config{UserStreams: cfg.UserStreams, AddressStreams: cfg.AddressStreams, AddressRate: cfg.AddressRate}
	if cfg.UserStreams > 0 {
		guard.Streams = new(limit.Memory).Join()
		if to.redis != nil {
			guard.Streams = limit.NewRedis(to.redis, limit.RedisConfig{ID: m.Self().ID, Excess: h.EndExcess, Logger: s.log})
		}
		s.onClose(guard.Streams.Close)
	}
	g, err := gateway.New(gateway.Config{
		Hub:      h,
		Log:      to.log,
		Kept:     to.kept,
		Inbox:    to.log,
		Bus:      to.bus,
		Verifier: keys.Verifier,
		Policies: s.access.policies,

		Revocations: revocations,

		Limits:  limit.NewGuard(guard),
		Proxies: cfg.Proxies,

		AccessTokenQuery: tokenInQuery == config.On,
		FramedCookie:     cfg.CookieSameSite == "none",

		Remember:    remember / 4,
		Heartbeat:   cfg.Heartbeat,
		SlowTimeout: cfg.SlowTimeout,
		MaxAge:      cfg.MaxAge,
		MaxStreams:  s.maxStreams(cfg.MaxStreams),
		Drain:       cfg.Drain,
		Logger:      s.log,
		LogPeople:   cfg.LogPeople == config.On,
		Registerer:  s.registry,
	})
	if err != nil {
		return err
	}
	s.gateway = g
	s.onClose(g.Close)
	g.Register(s.server)
	g.Answer(m)
	m.Start(listens)
	s.onClose(m.Close)
	return nil
}
