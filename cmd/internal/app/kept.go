package app

import (
	"log/slog"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/gateway/hub"
	"github.com/bellhop/bellhop/store"
	"github.com/bellhop/bellhop/store/kept"
)

// keptConfig is how the log of namespaces with "log: redis" keeps them.
func keptConfig(policies auth.Policies, logger *slog.Logger) kept.Config {
	return kept.Config{
		Retention: func(ch event.Channel) store.Retention {
			policy, _ := policies.Lookup(ch.Namespace())
			return store.Retention(policy.Retention)
		},
		Logger: logger,
	}
}

// rules is how a gateway follows the channels of a namespace.
func rules(policies auth.Policies) func(namespace string) hub.Rules {
	return func(namespace string) hub.Rules {
		policy, _ := policies.Lookup(namespace)
		return hub.Rules{
			Kept:       policy.Log == auth.LogRedis,
			JoinLatest: policy.JoinLatest,
			Conflate:   policy.Conflate,
			MaxRate:    policy.MaxRate,
		}
	}
}
