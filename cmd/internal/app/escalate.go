package app

import (
	"context"
	"fmt"
	"slices"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/escalate"
	"github.com/bellhop/bellhop/fleet"
	"github.com/bellhop/bellhop/store"
)

// newEscalator makes what tells the product of unread events, as the policies ask for.
func (s *Service) newEscalator(m *fleet.Member, log *store.DB) (*escalate.Escalator, error) {
	if err := checkSecrets(s.access.policies); err != nil {
		return nil, err
	}
	return escalate.New(escalate.Config{
		Log: log, Webhooks: func() map[string]auth.Webhook { return s.policies.Load().Webhooks() },
		Online:     func(ctx context.Context, people []string) map[string]bool { return online(ctx, m, people) },
		Registerer: s.registry, Logger: s.log,
	})
}

// checkSecrets reads the secrets of all webhooks once. Each call reads them anew.
func checkSecrets(policies auth.Policies) error {
	for name, hook := range policies.Webhooks() {
		if _, err := escalate.ReadSecrets(hook.SecretFile); err != nil {
			return fmt.Errorf("policies: webhook %s: secret_file: %w", name, err)
		}
	}
	return nil
}

// online asks all gateways which of some people have a stream open. Somebody whose gateway
// does not answer in time counts as offline: to be told twice is better than not at all.
func online(ctx context.Context, m *fleet.Member, people []string) map[string]bool {
	const perQuestion = 200
	there := make(map[string]bool)
	for chunk := range slices.Chunk(people, perQuestion) {
		for _, a := range fleet.Ask[*fleet.Online](ctx, m, fleet.AboutOnline, fleet.Question{People: chunk}).Of {
			if a.Body == nil {
				continue // a notifier, which has no streams
			}
			for _, key := range a.Body.People {
				there[key] = true
			}
		}
	}
	return there
}
