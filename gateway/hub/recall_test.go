package hub

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fleet"
	"github.com/bellhop/bellhop/gateway/conn"
)

// TestHandOversAreRemembered: of each event to how many streams and when, as it came; how
// streams ended; for ten minutes.
func TestHandOversAreRemembered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(c *Config) { c.Remember = 100 })
		a := r.open(Request{Channels: []event.Channel{inbox}, Inbox: true, User: "1", Agent: "a browser"})
		b := r.open(Request{Channels: []event.Channel{inbox}, User: "1"})
		a.read()
		b.read()
		r.publish(inbox)
		came := time.Now()
		a.wait(time.Second)
		r.publish(inbox)
		a.read()
		b.stream.Close(conn.ReasonClient)

		look := func(seq uint64) fleet.Event {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			done := make(chan fleet.Event, 1)
			go func() { done <- r.hub.LookEvent(ctx, inbox, seq) }()
			synctest.Wait()
			a.read() // it says how far it is
			return <-done
		}
		e := look(1)
		require.Len(t, e.Handed, 1)
		require.Equal(t, 1, e.Handed[0].Streams, "b took nothing any more")
		require.Equal(t, "bus", e.Handed[0].Via)
		require.Equal(t, came, e.Handed[0].Came)
		require.Equal(t, came, *e.Handed[0].First)
		require.Equal(t, fleet.Channel{Listeners: 1, Head: 2, Epoch: "e1", Known: true}, e.Channel)
		require.Len(t, e.Open, 1)
		require.Equal(t, []fleet.Place{{Channel: inbox, Seq: 2, Epoch: "e1", Head: 2}}, e.Open[0].Places)
		require.Equal(t, "a browser", e.Open[0].Agent)
		require.Len(t, e.Ended, 1)
		require.Equal(t, "client", e.Ended[0].Reason)
		require.Equal(t, []fleet.Place{{Channel: inbox, Seq: 0, Epoch: "e1"}}, e.Ended[0].Places)
		require.Empty(t, look(3).Handed)

		// What a later stream replays was handed over too.
		c := r.join("0", inbox)
		c.wait(time.Second)
		handed := 0
		for _, h := range look(1).Handed {
			handed += h.Streams
		}
		require.Equal(t, 2, handed)

		// A stream that takes no bytes does not say how far it is, and is not waited for long.
		a.sip(0)
		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.Empty(t, r.hub.LookPerson(ctx, "1").Open[0].Places)
		require.Equal(t, time.Second, time.Since(began))

		<-time.After(rememberFor)
		e = look(1)
		require.Empty(t, e.Handed)
		require.Empty(t, e.Ended)
		require.Equal(t, time.Now().Add(-rememberFor), *e.Since)
	})
}

// TestMemoryOfHandOversIsBounded: the oldest is forgotten first, and it is known from when
// on all is remembered. What is handed over late is not counted for another event.
func TestMemoryOfHandOversIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newRecall(4)
		about := func(seq uint64) (streams int, since time.Time) {
			streams = -1
			since = m.handings(inbox, seq, func(s *slot) { streams = int(s.streams.Load()) })
			return streams, since
		}
		began := time.Now()
		first := m.mark(inbox, event.Position{Epoch: "e1", Seq: 1}, 0)
		m.handed(first)
		streams, since := about(1)
		require.Equal(t, 1, streams)
		require.Equal(t, began, since)
		for seq := uint64(2); seq <= 5; seq++ {
			<-time.After(time.Second)
			m.mark(inbox, event.Position{Epoch: "e1", Seq: seq}, 0)
		}
		m.handed(first)
		streams, since = about(1)
		require.Equal(t, -1, streams)
		require.Equal(t, began.Add(time.Second), since, "the second is the oldest")
		streams, _ = about(5)
		require.Zero(t, streams)
		for range 3 * 4 * 256 { // laps have numbers of one byte
			require.NotZero(t, m.mark(inbox, event.Position{}, 0).Lap)
		}

		s := &Stream{who: &holder{user: "1"}}
		for range 3 {
			m.ended(s, conn.ReasonClient)
		}
		n := 0
		m.departures(func(*ended) bool { n++; return true })
		require.Equal(t, 1, n, "a quarter as many streams")
	})
}

// TestLatenessIsThatOfTheNewestEvents.
func TestLatenessIsThatOfTheNewestEvents(t *testing.T) {
	t.Parallel()
	m := newRecall(1)
	require.Nil(t, m.late())
	m.aged(time.Hour)
	require.Equal(t, &fleet.Late{P50: 3.6e6, P99: 3.6e6}, m.late())
	for i := range len(m.ages) {
		m.aged(time.Duration(i+1) * time.Millisecond)
	}
	require.Equal(t, &fleet.Late{P50: 512, P99: 1013}, m.late())
	require.Nil(t, (*recall)(nil).late())
}

// TestNothingIsRememberedByDefault, and streams still say how far they are.
func TestNothingIsRememberedByDefault(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		a := r.open(Request{Channels: []event.Channel{inbox}, User: "1"})
		r.publish(inbox)
		a.wait(time.Second)
		require.Nil(t, r.hub.recall)
		done := make(chan fleet.Event, 1)
		go func() { done <- r.hub.LookEvent(t.Context(), inbox, 1) }()
		synctest.Wait()
		a.read()
		e := <-done
		require.Nil(t, e.Since)
		require.Empty(t, e.Handed)
		require.Equal(t, uint64(1), e.Open[0].Places[0].Seq)
	})
}
