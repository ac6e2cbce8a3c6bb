package track

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

// Rules that cost time or queries when they are broken, and lose nothing: the search
// through all orders of events does not miss them.

func someMoment() Moment {
	return Moment{Now: time.Unix(1, 0), Limits: &Limits{
		RingFrames: 8, RingBytes: 1 << 20, RingAge: time.Minute, GapWait: time.Second, Aged: func(time.Duration) {},
	}}
}

// joined is a channel at a head, as the primary said, and what followed.
func joined(rules *Rules, head uint64) (*Channel, Outcome) {
	c := NewChannel("user:1", rules)
	at := someMoment()
	c.Join(&Listener{}, at)
	c.Subscribed()
	q, _ := c.Question(at)
	return &c, c.Answered(&q, &Answer{Epoch: "e1", Head: store.Head{Seq: head}}, at)
}

func pageOf(last uint64, seqs ...uint64) *store.Page {
	p := &store.Page{Epoch: "e1", Last: last}
	for _, seq := range seqs {
		p.Events = append(p.Events, event.Event{Channel: "user:1", Seq: seq, Type: "note", Data: []byte(`1`)})
	}
	return p
}

// TestNothingIsAskedBeforeTheAcknowledgement: the question would be thrown away, and the
// next one would have to keep its distance from it.
func TestNothingIsAskedBeforeTheAcknowledgement(t *testing.T) {
	t.Parallel()
	c := NewChannel("user:1", &Rules{})
	fx, _ := c.Join(&Listener{}, someMoment())
	require.Equal(t, Subscribe, fx.Do)
	fx, _ = c.Join(&Listener{}, someMoment())
	require.Zero(t, fx.Do)
	fx = c.Subscribed()
	require.Equal(t, Ask, fx.Do)
	fx, _ = c.Join(&Listener{}, someMoment())
	require.Equal(t, Ask, fx.Do)
}

// TestWhatWasThereBeforeIsLateForNobody: what is read for who joins first, or read again,
// has an age, but nobody waited for it.
func TestWhatWasThereBeforeIsLateForNobody(t *testing.T) {
	t.Parallel()
	for name, rules := range map[string]*Rules{"the newest one": {JoinLatest: true}, "the newest of each type": {JoinLatest: true, Conflate: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			aged := 0
			at := someMoment()
			at.Aged = func(time.Duration) { aged++ }
			c, out := joined(rules, 5)
			require.NotZero(t, out.Do&Fill)
			fill := func(page *store.Page) {
				var r store.Range
				require.True(t, c.Want(true, &r))
				c.FillDone(event.Position{Epoch: "e1", Seq: r.After}, page, at)
			}
			fill(pageOf(5, 4, 5))
			require.EqualValues(t, 5, c.Filled().Seq)
			require.Zero(t, aged, "before anybody listened")

			for _, seq := range []uint64{6, 8} {
				c.Message(event.Position{Epoch: "e1", Seq: seq}, event.NewFrame(&pageOf(seq, seq).Events[0]), nil, at)
			}
			require.Equal(t, 1, aged, "7 is missing")
			c.GapDue()
			fill(pageOf(8, 7, 8))
			require.EqualValues(t, 8, c.Filled().Seq)
			require.Equal(t, 3, aged, "what the bus lost is late")

			if !rules.Conflate {
				return
			}
			c.Forget()
			require.Equal(t, Fill, c.refill())
			fill(pageOf(8, 5, 6, 7, 8))
			require.EqualValues(t, 8, c.Filled().Seq)
			require.Equal(t, 3, aged, "for the second time")
		})
	}
}

// TestAFillWithoutNewsWaitsLonger: what was announced is not there. The head is asked for,
// and the log is not read again as often as after a gap that was just seen.
func TestAFillWithoutNewsWaitsLonger(t *testing.T) {
	t.Parallel()
	c, _ := joined(&Rules{}, 1)
	at := someMoment()
	third := pageOf(3, 3).Events[0]
	fx := c.Message(event.Position{Epoch: "e1", Seq: 3}, event.NewFrame(&third), nil, at)
	require.Equal(t, at.GapWait, fx.Gap)
	fx = c.GapDue()
	require.Equal(t, Fill, fx.Do)
	fx = c.FillDone(event.Position{Epoch: "e1", Seq: 1}, pageOf(1), at)
	require.Equal(t, Ask|WatchGap, fx.Do&^Wake)
	require.Equal(t, 4*at.GapWait, fx.Gap)
}

// TestNobodyIsLiveWhileAPositionIsResolved, although the listener had come to the end of
// its replay.
func TestNobodyIsLiveWhileAPositionIsResolved(t *testing.T) {
	t.Parallel()
	_, out := joined(&Rules{}, 1)
	var l Listener
	l.Take(&Mail{Verdict: &out.Verdict}, &Rules{}, nil)
	var g Greeting
	require.True(t, g.Add(&l))
	l.Resolve()
	require.False(t, g.Add(&l))
}

// TestIdsFollowDeletedEventsAtTheEndOfAPage, but not those of a client that asked for
// everything: it asks again until it got something.
func TestIdsFollowDeletedEventsAtTheEndOfAPage(t *testing.T) {
	t.Parallel()
	for brought, want := range map[event.Position]event.Position{
		{Epoch: "e1", Seq: 1}: {Epoch: "e1", Seq: 9},
		{}:                    {},
	} {
		_, out := joined(&Rules{}, 9)
		var l Listener
		l.Bring(brought)
		l.Take(&Mail{Verdict: &out.Verdict}, &Rules{}, nil)
		l.Fetch()
		l.Take(&Mail{Answered: true, Page: &Page{last: 9}}, &Rules{}, nil)
		require.Equal(t, WritePage, l.Next(&Rules{}))
		require.Empty(t, l.Page(1))
		l.PageWritten()
		shown, named := l.Shown()
		require.True(t, named)
		require.Equal(t, want, shown)
	}
}

// TestARefilledRingIsShownAtOnce: a period of the rate limit goes on, but what listeners
// were shown is gone, and each of them would read the log for itself.
func TestARefilledRingIsShownAtOnce(t *testing.T) {
	t.Parallel()
	c, out := joined(&Rules{Conflate: true, MaxRate: 1}, 2)
	at := someMoment()
	require.True(t, out.Has(Fill))
	c.FillDone(event.Position{Epoch: "e1"}, pageOf(2, 1, 2), at)
	c.Message(event.Position{Epoch: "e1", Seq: 2}, nil, nil, at) // it was deleted
	l := &Listener{pos: event.Position{Epoch: "e1", Seq: 1}}
	_, reading, do := c.Read(nil, l, 1<<10)
	require.Equal(t, Current, reading)
	require.Equal(t, Fill, do)
	c.FillDone(event.Position{Epoch: "e1"}, pageOf(2, 1), at)
	entries, reading, _ := c.Read(nil, l, 1<<10)
	require.Equal(t, Some, reading)
	require.EqualValues(t, 2, entries[0].Seq)
}

// TestAChannelThatIsGivenUpKeepsNothing, and remembers nothing of what the bus still
// brings: a gateway gives thousands up in a moment when it loses its clients.
func TestAChannelThatIsGivenUpKeepsNothing(t *testing.T) {
	t.Parallel()
	c, _ := joined(&Rules{}, 1)
	at := someMoment()
	next := pageOf(3, 2, 3).Events
	c.Message(event.Position{Epoch: "e1", Seq: 2}, event.NewFrame(&next[0]), nil, at)
	c.Leave(at)
	fx := c.Sweep(time.Minute, at)
	require.Equal(t, Unsubscribe, fx.Do)
	_, nothing := c.Memory()
	require.True(t, nothing)
	fx = c.Message(event.Position{Epoch: "e1", Seq: 3}, event.NewFrame(&next[1]), nil, at)
	require.Zero(t, fx.Do)
	_, nothing = c.Memory()
	require.True(t, nothing)
}

// TestARingIsNotDroppedBeforeItIsShown: its listeners are about to be given what is new,
// and would all wait for it to be read again.
func TestARingIsNotDroppedBeforeItIsShown(t *testing.T) {
	t.Parallel()
	c, _ := joined(&Rules{Conflate: true, MaxRate: 1}, 1)
	at := someMoment()
	c.FillDone(event.Position{Epoch: "e1"}, pageOf(1, 1), at)
	at.Now = at.Now.Add(at.RingAge + time.Second)
	for _, e := range pageOf(3, 2, 3).Events { // the second one comes within the period of the first
		c.Message(event.Position{Epoch: "e1", Seq: e.Seq}, event.NewFrame(&e), nil, at)
	}
	c.Sweep(at.RingAge, at)
	m, _ := c.Memory()
	require.Equal(t, 1, m.Frames)
	c.PeriodOver(at)
	c.Sweep(at.RingAge, at)
	m, _ = c.Memory()
	require.Zero(t, m.Frames)
}
