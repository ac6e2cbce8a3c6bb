package conn_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/gateway/conn"
)

// explained is a source that ended its stream for a reason of its own.
type explained struct {
	conn.Source
	closed conn.Reason
}

func (*explained) Why() conn.Reason           { return "whim" }
func (e *explained) Close(reason conn.Reason) { e.closed = reason }

func TestOverAsksASourceThatCanExplain(t *testing.T) {
	t.Parallel()
	for reason, want := range map[conn.Reason]conn.Reason{conn.ReasonEnd: "whim", conn.ReasonAge: conn.ReasonAge} {
		var e explained
		require.Equal(t, want, conn.Over(&e, reason))
		require.Equal(t, want, e.closed)
	}
}
