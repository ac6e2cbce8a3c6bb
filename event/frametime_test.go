package event

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTimeOfAFrameIsThatOfItsLayout(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"2026-11-21T20:15:28.123Z", "2024-02-29T00:00:00.000Z", "2026-12-31T23:59:59.999Z", "0001-01-01T00:00:00.001Z",
		"2026-02-29T00:00:00.000Z", "2026-06-31T00:00:00.000Z", "2026-13-01T00:00:00.000Z", "2026-00-01T00:00:00.000Z",
		"2026-01-00T00:00:00.000Z", "2026-01-01T24:00:00.000Z", "2026-01-01T00:60:00.000Z", "2026-01-01T00:00:60.000Z",
		"2026-01-01 00:00:00.000Z", "2026-01-01T00:00:00,000Z", "2026-01-01T00:00:00.00xZ", "2026-01-01T00:00:00.0000",
		"2026-11-21T20:15+01:00Z", "2026-11-21T2:15:28.1234Z", "2026-11-21T20:15:28.12Z0", "202/-01-01T00:00:00.000Z", "202:-01-01T00:00:00.000Z",
	} {
		want, err := time.Parse(timeLayout, s)
		at, ok := Frame(jsonTime + s).Time()
		// The library takes a comma for a point, and hours of one digit; nobody writes
		// them here.
		if s[19] != '.' || s[13] != ':' {
			require.False(t, ok)
			continue
		}
		require.Equal(t, err == nil, ok, s)
		if ok {
			require.True(t, at.Equal(want), "%s: %v", s, at)
		}
	}
}
