package hub

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
)

// TestEventThatFillsAHoleIsToldWithoutItsTrace: the log does not have one.
func TestEventThatFillsAHoleIsToldWithoutItsTrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type told struct {
			linked  bool
			seq     uint64
			streams int
		}
		heard := make(chan told, 8)
		r := newRig(t, func(c *Config) {
			c.Traced = func(trace *[fanout.TraceBytes]byte, _ event.Channel, seq uint64, _ time.Time, streams int) {
				heard <- told{trace != nil, seq, streams}
			}
		})
		c := r.live(inbox)
		r.publish(inbox) // whose message names no trace
		r.log.add(inbox)
		c.expect(3*time.Second, "user:1#1", "user:1#2")
		require.Equal(t, told{false, 2, 1}, <-heard)
		require.Empty(t, heard)
	})
}
