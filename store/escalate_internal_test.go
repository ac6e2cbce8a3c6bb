package store

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestADigestEndsWithItsPart: what comes due within one part of a person's time is told at
// its end, no part is longer than the digest, and people's parts differ.
func TestADigestEndsWithItsPart(t *testing.T) {
	t.Parallel()
	const minute = int64(60_000)
	e := Escalation{After: 10 * time.Minute, Digest: 5 * time.Minute}
	for _, channel := range []hash{hashOf("user:1"), hashOf("user:2"), hashOf("user:3")} {
		first := e.at(0, channel)
		for created := int64(0); created < 20*minute; created += 7_001 {
			at := e.at(created, channel)
			require.GreaterOrEqual(t, at, created+10*minute)
			require.Less(t, at, created+15*minute)
			require.Zero(t, (at-first)%(5*minute))
		}
	}
	require.NotEqual(t, e.at(0, hashOf("user:1")), e.at(0, hashOf("user:2")))
	require.Equal(t, 10*minute+3, Escalation{After: 10 * time.Minute}.at(3, hashOf("user:1")))
}
