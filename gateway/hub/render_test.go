package hub

import (
	"bytes"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
)

// TestOwnLinesStayUntilTheNextCall: room for a stream's own lines is lent, and must
// not become another stream's as long as the connection may look at them.
func TestOwnLinesStayUntilTheNextCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		const topic event.Channel = "topic:a"
		first, second := r.join("", inbox, topic), r.join("", inbox, topic)
		first.read()
		second.read()
		r.publish(topic)
		synctest.Wait()
		bufs, end := first.stream.Next(nil, 16<<10)
		require.False(t, end)
		require.NotEmpty(t, bufs)
		said := bytes.Join(bufs, nil)
		require.Contains(t, string(said), "id: ")
		for range 50 {
			r.publish(topic)
			r.publish(inbox)
			require.NotEmpty(t, second.read())
		}
		require.Equal(t, string(said), string(bytes.Join(bufs, nil)))
		first.read()
		require.Nil(t, first.stream.lent, "nothing is lent to a stream that has nothing to say")
	})
}
