package event_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
)

// TestRefusalsShowWhatIsWrong: a character as it is, and no number that looks small
// because its end was cut off.
func TestRefusalsShowWhatIsWrong(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, event.ParseType("caf\u00e9"), "'\u00e9'")
	require.ErrorContains(t, event.ParseType("a\u2028"), `'\u2028'`)
	_, err := event.ParseChannel("topic:정민")
	require.ErrorContains(t, err, "'정'")
	_, err = event.ParseData([]byte("1.7976931348623159e308"))
	require.ErrorContains(t, err, "the number 1.7976931348623159e3... is too large")
	_, err = event.ParseData([]byte("[1e400,2]"))
	require.ErrorContains(t, err, "the number 1e400 is too large")
}
