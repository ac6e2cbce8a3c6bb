package track

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

// answer has the log answer, by a query that starts now.
func answer(c *Channel, a Answer) Outcome {
	q, _ := c.Question(someMoment())
	return c.Answered(&q, &a, someMoment())
}

// placedBy is a listener that has come to the end of a channel.
func placedBy(out *Outcome) *Listener {
	var l Listener
	l.Take(&Mail{Verdict: &out.Verdict}, &Rules{}, nil)
	return &l
}

// TestALifeThatEndedIsLookedIntoOnce: the channel left it by an answer of a new
// connection, so its listeners need none of their own.
func TestALifeThatEndedIsLookedIntoOnce(t *testing.T) {
	t.Parallel()
	c, out := joined(&Rules{}, 5)
	l := placedBy(&out)
	answer(c, Answer{Epoch: "e2", Head: store.Head{Seq: 3}, Fresh: true})
	l.Resolve()
	c.Rejoin(l, someMoment())
	out = answer(c, Answer{Epoch: "e2", Head: store.Head{Seq: 3}})
	require.Equal(t, []Waiter{l}, out.Told)
	require.False(t, out.Has(AskFresh))
}

// TestAPositionBeyondItsLifeIsDoubted: nobody looked into that, and a pooled connection
// may lead to the wrong server.
func TestAPositionBeyondItsLifeIsDoubted(t *testing.T) {
	t.Parallel()
	c, out := joined(&Rules{}, 5)
	l := placedBy(&out)
	l.pos.Seq = 9
	l.Resolve()
	c.Rejoin(l, someMoment())
	out = answer(c, Answer{Epoch: "e1", Head: store.Head{Seq: 5}})
	require.Empty(t, out.Told)
	require.True(t, out.Has(AskFresh))
	require.True(t, c.Awaited())
}

// TestANoteWaitsForTheVerdict: before it nobody knows whether the note is of the
// listener's life.
func TestANoteWaitsForTheVerdict(t *testing.T) {
	t.Parallel()
	_, out := joined(&Rules{}, 5)
	var l Listener
	var m Mail
	m.AddNote(Note{&event.Note{Version: 7, Head: 5, Unread: 1}, "e1"})
	told, keep := l.Take(&m, &Rules{}, nil)
	require.Nil(t, told)
	require.NotNil(t, keep)
	keep.Verdict = &out.Verdict
	told, keep = l.Take(keep, &Rules{}, nil)
	require.Nil(t, keep)
	require.EqualValues(t, 7, told.Version)
}

// TestWhatRetentionTookLeavesAConflatedRing with the next answer, which says so, and not
// only when the ring is dropped for its age.
func TestWhatRetentionTookLeavesAConflatedRing(t *testing.T) {
	t.Parallel()
	c, _ := joined(&Rules{Conflate: true}, 3)
	page := pageOf(3, 1, 2, 3)
	for i := range page.Events {
		page.Events[i].Type = string("abc"[i])
	}
	c.FillDone(event.Position{Epoch: "e1"}, page, someMoment())
	m, _ := c.Memory()
	require.Equal(t, 3, m.Frames)
	answer(c, Answer{Epoch: "e1", Head: store.Head{Seq: 3, Floor: 2}})
	m, _ = c.Memory()
	require.Equal(t, 1, m.Frames)
}
