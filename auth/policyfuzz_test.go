package auth

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
)

// FuzzPolicyFile feeds what an operator may have written. Whatever is accepted
// names its namespaces properly, leaves none of them open to anybody for whom the
// file does not say so, and keeps inboxes to their owners.
//
//fuzz:least 300
func FuzzPolicyFile(f *testing.F) {
	for _, text := range []string{
		"namespaces:\n  room:\n    access: member\n    retention:\n      max_age: 30d\n      max_count: 10\n",
		"namespaces:\n  raffle: {access: public, log: redis, conflate: true, join: latest, max_rate: 10}\n",
		"namespaces: {user: {access: public}}", "namespaces: {user: {access: owner}}",
		"namespaces: {a: &x {access: public}, b: *x}", "namespaces: {a: {<<: {access: public}}}",
		"namespaces: {a: {access: public}, a: {access: owner}}", "namespaces: {}\n---\nnamespaces: {}",
		"", "namespaces", "[]", "namespaces: {room: {access: member, acess: public}}", "namespaces: {Room: {access: public}}",
		"namespaces: {a: {access: public, retention: {max_age: 9223372036854775807d}}}", "namespaces: {a: {access: public, max_rate: -1}}",
		"! \x84\n\ns:",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		if len(text) > 512 {
			return // the library takes its time for what nobody writes
		}
		p, err := parsePolicies(text)
		if err != nil {
			require.ErrorIs(t, err, ErrPolicy)
			require.NotContains(t, err.Error(), "\n", "one line")
			return
		}
		inbox, ok := p.Lookup(event.InboxNamespace)
		require.True(t, ok, "inboxes are always there")
		require.Equal(t, AccessOwner, inbox.Access)
		for _, ns := range p.Namespaces() {
			policy, ok := p.Lookup(ns)
			require.True(t, ok)
			require.True(t, event.ValidNamespace(ns))
			_, err := policy.validate(ns)
			require.NoError(t, err)
			if policy.Access == AccessPublic {
				require.Contains(t, string(text), "public")
			}
		}
	})
}
