package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/cmd/internal/config"
	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/gateway/hub"
	"github.com/bellhop/bellhop/internal/wait"
	"github.com/bellhop/bellhop/store"
	"github.com/bellhop/bellhop/store/kept"
)

// backends are what gateways and notifiers stand on together.
type backends struct {
	log   *store.DB
	redis redis.UniversalClient // nil: there is none
	bus   fanout.Bus
	kept  kept.Log // of namespaces with "log: redis"
}

// openBackends has the connections of all of them closed with the service. It does
// not connect yet.
func (s *Service) openBackends(ctx context.Context, mysql config.MySQL, bus config.Redis) (backends, error) {
	log, err := openMySQL(ctx, mysql, s.log)
	if err != nil {
		return backends{}, err
	}
	s.onClose(log.Close)
	s.database = log
	client, err := fanout.OpenRedisAs(bus.Redis.Reveal(), bus.RedisTLS.Config(), &s.redisAccount)
	if err != nil {
		return backends{}, err
	}
	s.onClose(client.Close)
	if err := errors.Join(s.registry.Register(databaseFigures(log)), s.registry.Register(redisFigures(client))); err != nil {
		return backends{}, err
	}
	s.server.AddDoubt("redis", func() string {
		if text := s.redisVerdict.Load(); text != nil {
			return *text
		}
		return ""
	})
	onRedis := fanout.NewRedis(client, fanout.Config{Pubsub: fanout.Pubsub(bus.Pubsub), Logger: s.log})
	keeping := keptConfig(s.policies.Load, s.log)
	keeping.Names = onRedis.Names
	keptLog := kept.NewRedis(client, keeping)
	s.run = append(s.run,
		func(ctx context.Context) error { return s.judgeRedis(ctx, onRedis, keptLog) },
		func(ctx context.Context) error { log.Watch(ctx); return nil })
	return backends{log: log, redis: client, bus: onRedis, kept: keptLog}, nil
}

// openMySQL opens the log. It does not connect yet.
func openMySQL(ctx context.Context, cfg config.MySQL, log *slog.Logger) (*store.DB, error) {
	return store.OpenMySQL(ctx, mysqlConfig(cfg, cfg.MySQLTLS.Config(), log))
}

func mysqlConfig(cfg config.MySQL, trust *tls.Config, log *slog.Logger) store.MySQLConfig {
	return store.MySQLConfig{
		Primary:  cfg.MySQLPrimary.Reveal(),
		Replicas: cfg.Replicas(),
		TLS:      trust,
		PoolSize: cfg.MySQLPool,
		Log:      log,

		Identity: cfg.MySQLIdentity,
	}
}

// refuseUnfit ends a start on a primary that can't hold the log, or with an account that
// may not write it. One that comes later makes the program not ready.
func refuseUnfit(ctx context.Context, log *store.DB) error {
	if err := log.Readable(ctx); errors.Is(err, store.ErrUnfit) {
		return err
	}
	return log.CheckRights(ctx)
}

// migrateRetry is the pause between attempts to bring the schema up to date
// while the primary is away.
const migrateRetry = 2 * time.Second

// migrate brings the schema up to date, as soon as the primary is there. It
// returns an error only if waiting would not help, and nil if ctx ends first.
func migrate(ctx context.Context, log *store.DB, logger *slog.Logger) error {
	for first := true; ; first = false {
		err := log.Migrate(ctx)
		switch {
		case err == nil || ctx.Err() != nil:
			return nil //nolint:nilerr // a process that is on its way down needs no schema
		case !errors.Is(err, store.ErrUnavailable), errors.Is(err, store.ErrUnfit):
			return fmt.Errorf("migrate the schema: %w", err)
		case first:
			logger.Warn("the schema can't be checked yet", "error", err)
		}
		if !wait.For(ctx, migrateRetry) {
			return nil
		}
	}
}

// keptConfig is how the log of namespaces with "log: redis" keeps them.
func keptConfig(policies func() *auth.Policies, logger *slog.Logger) kept.Config {
	return kept.Config{
		Retention: func(ch event.Channel) store.Retention {
			policy, _ := policies().Lookup(ch.Namespace())
			return store.Retention(policy.Retention)
		},
		Logger: logger,
	}
}

// rules is how a gateway follows the channels of a namespace.
func rules(policies func() *auth.Policies) func(namespace string) hub.Rules {
	return func(namespace string) hub.Rules {
		policy, _ := policies().Lookup(namespace)
		return hub.Rules{
			Kept:       policy.Log == auth.LogRedis,
			JoinLatest: policy.JoinLatest,
			Conflate:   policy.Conflate,
			MaxRate:    policy.MaxRate,
		}
	}
}
