package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"time"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/cmd/internal/config"
	"github.com/bellhop/bellhop/fanout"
)

// accessSettings are what of a program's settings can change while it runs: what
// stands in files.
type accessSettings struct {
	tokens   auth.TokenConfig
	keys     auth.ServiceKeys
	policies auth.Policies
	mysql    config.MySQL
	tls      []*config.TLSFiles
	redis    *config.Redis // nil: there is none
}

// accessOf takes them out of the settings of a program.
func accessOf(cfg config.Program) (a accessSettings) {
	switch c := cfg.(type) {
	case *config.Gateway:
		a = accessSettings{tokens: c.TokenConfig(), policies: c.Namespaces, mysql: c.MySQL, redis: &c.Redis, tls: []*config.TLSFiles{&c.MySQLTLS, &c.RedisTLS}}
	case *config.Notifier:
		a = accessSettings{keys: c.Keys(), policies: c.Namespaces, mysql: c.MySQL, redis: &c.Redis, tls: []*config.TLSFiles{&c.MySQLTLS, &c.RedisTLS}}
	case *config.Bellhop:
		a = accessSettings{tokens: c.TokenConfig(), keys: c.Keys(), policies: c.Namespaces}
	}
	return a
}

// followReloads takes settings that were read anew, until ctx ends.
func (s *Service) followReloads(ctx context.Context, reloads <-chan config.Program) {
	for {
		select {
		case <-ctx.Done():
			return
		case cfg := <-reloads:
			switch changed, err := s.takeAccess(ctx, cfg); {
			case err != nil:
				s.log.Error("what was read again is wrong; nothing changes", "error", err)
			default:
				s.log.Info("files were read again", "changed", changed)
			}
		}
	}
}

// takeAccess puts settings into force, all of them or none, and names what changed.
func (s *Service) takeAccess(ctx context.Context, cfg config.Program) (changed []string, err error) {
	fresh, err := s.readAccess(cfg)
	if err != nil {
		return nil, err
	}
	if changed, err = changedPolicies(s.access.policies, fresh.policies); err != nil {
		return nil, err
	}
	if s.notifier != nil {
		if err := checkSecrets(fresh.policies); err != nil {
			return nil, err
		}
	}
	if fresh.redis != nil {
		if err := fanout.SameRedis(s.access.redis.Redis.Reveal(), fresh.redis.Redis.Reveal()); err != nil {
			return nil, err
		}
	}
	keys := new(tokenKeys) // nothing to take
	tokens := s.gateway != nil && !reflect.DeepEqual(s.access.tokens, fresh.tokens)
	if tokens {
		if keys, err = openTokenKeys(fresh.tokens, s.log); err == nil {
			err = keys.Ready(ctx)
		}
	}
	// The last that may fail: what comes after it is in force.
	accounts := !slices.Equal(dsns(s.access.mysql), dsns(fresh.mysql))
	if err == nil && accounts {
		err = s.database.Renew(mysqlConfig(fresh.mysql, s.access.mysql.MySQLTLS.Config(), s.log))
	}
	if err != nil {
		return nil, errors.Join(err, keys.Close())
	}
	if tokens {
		// Whoever is judged by the old ones at the moment has them in memory.
		if err := s.tokenKeys.Swap(keys).Close(); err != nil {
			s.log.Warn("the issuers' old keys are still read", "error", err)
		}
		changed = append(changed, "keys of tokens")
	}
	if fresh.redis != nil {
		renewed, err := s.redisAccount.Renew(fresh.redis.Redis.Reveal(), fresh.redis.RedisTLS.Config())
		if err != nil { // never: the settings were checked
			s.log.Error("the account of Redis stays as it was", "error", err)
		} else if renewed {
			changed = append(changed, "account of Redis")
		}
	}
	if !reflect.DeepEqual(s.access.keys, fresh.keys) {
		changed = append(changed, "service keys")
	}
	if accounts {
		changed = append(changed, "database accounts")
	}
	for i, files := range s.access.tls {
		if files.Renew(fresh.tls[i]) {
			changed = append(changed, "certificates")
		}
	}
	fresh.tls = s.access.tls
	s.access = fresh
	s.policies.Store(&fresh.policies)
	if s.notifier != nil {
		s.notifier.SetAccess(fresh.keys, fresh.policies)
	}
	if s.gateway != nil {
		s.gateway.SetAccess(ctx, s.tokenKeys.Load().Verifier, fresh.policies)
	}
	return changed, nil
}

func dsns(m config.MySQL) []string { return append(m.Replicas(), m.MySQLPrimary.Reveal()) }

// changedPolicies names the namespaces in which two policies differ. One whose events
// would be in another log from now on is an error: some programs would write there
// while others still read here.
func changedPolicies(was, is auth.Policies) (changed []string, err error) {
	names := append(was.Namespaces(), is.Namespaces()...)
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		before, had := was.Lookup(name)
		after, has := is.Lookup(name)
		if had && has && before.Log != after.Log {
			return nil, fmt.Errorf("policies: the log of namespace %s can't change while programs run", name)
		}
		if had != has || !reflect.DeepEqual(before, after) {
			changed = append(changed, "policy of "+name)
		}
	}
	if !reflect.DeepEqual(was.Webhooks(), is.Webhooks()) {
		changed = append(changed, "webhooks")
	}
	if was.Audit() != is.Audit() {
		changed = append(changed, "audit")
	}
	return changed, nil
}

// tokenKeys are a verifier and the issuers' key sets that it asks.
type tokenKeys struct {
	*auth.Verifier

	sets []*auth.JWKS
}

// openTokenKeys opens the key sets of issuers that publish theirs.
func openTokenKeys(cfg auth.TokenConfig, log *slog.Logger) (_ *tokenKeys, err error) {
	k := new(tokenKeys)
	cfg.Issuers = slices.Clone(cfg.Issuers)
	for i := range cfg.Issuers {
		issuer := &cfg.Issuers[i]
		if !issuer.HasKeySet() {
			continue
		}
		set := issuer.KeySet()
		set.Logger = log
		if issuer.JWKS, err = auth.OpenJWKS(set); err != nil {
			return k, err
		}
		k.sets = append(k.sets, issuer.JWKS)
	}
	k.Verifier, err = auth.NewVerifier(cfg)
	return k, err
}

// asOf is when the sets were read, that which was read the longest ago; not known where
// there are none, or one was never read.
func (k *tokenKeys) asOf() (oldest time.Time, known bool) {
	for i, set := range k.sets {
		at := set.AsOf()
		if at.IsZero() {
			return at, false
		}
		if i == 0 || at.Before(oldest) {
			oldest = at
		}
	}
	return oldest, len(k.sets) > 0
}

// Close ends the reading of key sets.
func (k *tokenKeys) Close() error {
	var errs []error
	for _, set := range k.sets {
		errs = append(errs, set.Close())
	}
	return errors.Join(errs...)
}
