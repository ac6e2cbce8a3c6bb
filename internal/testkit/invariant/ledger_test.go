package invariant_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/testkit/invariant"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const ch = event.Channel("user:1")

func at(epoch event.Epoch, seq uint64) event.Position { return event.Position{Epoch: epoch, Seq: seq} }

func kinds(vs []invariant.Violation) []invariant.Kind {
	out := []invariant.Kind{}
	for _, v := range vs {
		out = append(out, v.Kind)
	}
	return out
}

// The ledger must be able to fail: each way of breaking a promise is found, and
// a run that keeps them passes.
func TestLedger(t *testing.T) {
	t.Parallel()
	three := map[uint64]string{1: "a", 2: "b", 3: "c"}
	for name, tc := range map[string]struct {
		run   func(*invariant.Ledger)
		lossy bool
		want  []invariant.Kind
	}{
		"kept": {run: func(l *invariant.Ledger) {
			l.Acked(ch, 1, "a")
			l.Begin("x", ch, at("e", 0))
			l.Got("x", ch, at("e", 1), "a")
			l.Got("x", ch, at("e", 2), "b")
			l.Begin("x", ch, at("e", 2)) // a later ready
			l.Got("x", ch, at("e", 3), "c")
			l.Begin("y", ch, at("e", 3))
		}},
		"lost in the middle": {run: func(l *invariant.Ledger) {
			l.Begin("x", ch, at("e", 0))
			l.Got("x", ch, at("e", 1), "a")
			l.Got("x", ch, at("e", 3), "c")
		}, want: []invariant.Kind{invariant.Lost}},
		"lost at the end": {run: func(l *invariant.Ledger) { l.Begin("x", ch, at("e", 2)) }, want: []invariant.Kind{invariant.Lost}},
		"twice": {run: func(l *invariant.Ledger) {
			l.Begin("x", ch, at("e", 2))
			l.Got("x", ch, at("e", 3), "c")
			l.Got("x", ch, at("e", 3), "c")
		}, want: []invariant.Kind{invariant.Duplicate}},
		"wrong order": {run: func(l *invariant.Ledger) {
			l.Begin("x", ch, at("e", 1))
			l.Got("x", ch, at("e", 3), "c")
			l.Got("x", ch, at("e", 2), "b")
		}, want: []invariant.Kind{invariant.Disorder}},
		"another event": {run: func(l *invariant.Ledger) {
			l.Begin("x", ch, at("e", 2))
			l.Got("x", ch, at("e", 3), "z")
		}, want: []invariant.Kind{invariant.Mismatch}},
		"not in the log": {run: func(l *invariant.Ledger) {
			l.Begin("x", ch, at("e", 3))
			l.Got("x", ch, at("e", 4), "d")
		}, want: []invariant.Kind{invariant.Phantom}},
		"reset without a cause": {run: func(l *invariant.Ledger) {
			l.Begin("x", ch, at("e", 3))
			l.Reset("x", ch, at("e", 3), false)
		}, want: []invariant.Kind{invariant.Unfounded}},
		"reset, then the new life": {run: func(l *invariant.Ledger) {
			l.Begin("x", ch, at("old", 7))
			l.Reset("x", ch, at("e", 0), true)
			l.Got("x", ch, at("e", 1), "a")
			l.Got("x", ch, at("e", 2), "b")
			l.Got("x", ch, at("e", 3), "c")
		}},
		"new life without a reset": {run: func(l *invariant.Ledger) {
			l.Begin("x", ch, at("old", 2))
			l.Got("x", ch, at("e", 3), "c")
		}, want: []invariant.Kind{invariant.Disorder}},
		"never told of the new life":   {run: func(l *invariant.Ledger) { l.Begin("x", ch, at("old", 7)) }, want: []invariant.Kind{invariant.Lost}},
		"acknowledged, not in the log": {run: func(l *invariant.Ledger) { l.Acked(ch, 4, "d") }, want: []invariant.Kind{invariant.Unrecorded}},
		"acknowledged, taken away":     {run: func(l *invariant.Ledger) { l.Acked(ch, 4, "d") }, lossy: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := invariant.New()
			tc.run(l)
			l.Log(ch, "e", 0, three)
			if tc.want == nil {
				tc.want = []invariant.Kind{}
			}
			require.Equal(t, tc.want, kinds(l.Violations(tc.lossy)))
		})
	}
}

func TestDeletedAndTrimmedEventsNeedNotCome(t *testing.T) {
	t.Parallel()
	l := invariant.New()
	l.Acked(ch, 2, "b")
	l.Acked(ch, 3, "c")
	l.Begin("x", ch, at("e", 0))
	l.Reset("x", ch, at("e", 2), true)
	l.Got("x", ch, at("e", 4), "d")
	l.Begin("y", ch, at("e", 1))
	l.Got("y", ch, at("e", 2), "b") // before it was trimmed
	l.Got("y", ch, at("e", 3), "c") // before it was deleted
	l.Got("y", ch, at("e", 4), "d")
	l.Log(ch, "e", 2, map[uint64]string{3: "", 4: "d"})
	require.Empty(t, l.Violations(false))
}
