package track

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

// TestAPageOfAnotherEpochIsLookedInto if the primary read it, for a fill and for a single
// listener. A replica of another epoch is late. Either way who asked asks again.
func TestAPageOfAnotherEpochIsLookedInto(t *testing.T) {
	t.Parallel()
	for _, stale := range []bool{false, true} {
		page := &store.Page{Epoch: "e2", Last: 9, Stale: stale}
		ask, retry := Useful(&store.Range{Epoch: "e1", After: 5}, page)
		require.Equal(t, !stale, ask)
		require.True(t, retry)

		c, _ := joined(&Rules{}, 5)
		fx := c.FillDone(event.Position{Epoch: "e1", Seq: 5}, page, someMoment())
		require.Equal(t, !stale, fx.Has(AskFresh))
	}
}

// TestAPageWithoutNewsIsAskedForAfterAPause, if there is something that it lacks: a
// listener that looked again at once would ask without end.
func TestAPageWithoutNewsIsAskedForAfterAPause(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		page  store.Page
		retry bool
	}{
		"nothing yet":       {store.Page{Epoch: "e1", Last: 5}, true},
		"some of it":        {store.Page{Epoch: "e1", Last: 6}, false},
		"retention took it": {store.Page{Epoch: "e1", Last: 5, Head: store.Head{Floor: 7}}, false},
	} {
		ask, retry := Useful(&store.Range{Epoch: "e1", After: 5, Through: 8}, &tt.page)
		require.False(t, ask, name)
		require.Equal(t, tt.retry, retry, name)
	}
}

// TestEachLongPollReplaysWhatIsThere before it says that its client is live.
func TestEachLongPollReplaysWhatIsThere(t *testing.T) {
	t.Parallel()
	c, out := joined(&Rules{}, 5)
	l := placedBy(&out)
	next := pageOf(6, 6).Events[0]
	c.Message(event.Position{Epoch: "e1", Seq: 6}, event.NewFrame(&next), nil, someMoment())
	var g Greeting
	require.True(t, g.Add(l), "a stream that was live stays so")
	c.Await(l)
	require.False(t, g.Add(l))
	entries, reading, _ := c.Read(nil, l, 1<<10)
	require.Equal(t, Some, reading)
	l.Hand(&entries[0])
	require.True(t, g.Add(l))
}

// TestALongPollCountsWhatItHandsOver: what was appended since the count is unread, as its
// client counts. A count of another life is left alone.
func TestALongPollCountsWhatItHandsOver(t *testing.T) {
	t.Parallel()
	for epoch, want := range map[event.Epoch]Count{"e1": {Version: 1, Head: 5, Unread: 4}, "e0": {Version: 1, Head: 3, Unread: 2}} {
		_, out := joined(&Rules{}, 5)
		l := placedBy(&out)
		var o Inbox
		o.hear(epoch, Count{Version: 1, Head: 3, Unread: 2})
		l.CountTo(&o)
		require.Equal(t, want, o.Count)
	}
}
