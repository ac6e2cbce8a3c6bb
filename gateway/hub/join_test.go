package hub

import (
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/gateway/hub/read"
)

const (
	inbox  = event.Channel("user:1")
	raffle = event.Channel("raffle:1")
)

const ready = "ready {}"

func TestStreamWithoutCursorStartsAtTheHead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.log.add(inbox)
		r.log.add(inbox)
		c := r.open(Request{Channels: []event.Channel{inbox}, Inbox: true})
		blocks := c.read()
		require.Equal(t, []string{`ready {"unread":2,"head":2}`}, short(blocks))
		require.Equal(t, "2.e1@user:1", blocks[0].id)
		require.Equal(t, "3000", blocks[0].retry)
		r.publish(inbox)
		c.expect(0, "user:1#3")
		require.Equal(t, "3.e1@user:1", c.id)
	})
}

func TestResumeReplaysExactlyWhatWasMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		for range 5 {
			r.log.add(inbox)
		}
		c := r.join("3.e1@user:1", inbox)
		c.expect(0, "user:1#4", "user:1#5", ready)
		r.publish(inbox)
		c.expect(0, "user:1#6")
	})
}

func TestClientThatSawOnlyReadyResumesFromWhereItJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		c := r.join("", inbox, raffle)
		c.expect(0, ready)
		require.Equal(t, "0.e1@user:1,0.e1@raffle:1", c.id)
		c.close()
		r.publish(inbox)
		c = r.join(c.id, inbox, raffle)
		c.expect(0, "user:1#1", ready)
	})
}

func TestZeroAsksForAllThatIsRetainedWithoutAReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		for range 4 {
			r.log.add(inbox)
		}
		r.log.trim(inbox, 2)
		r.log.sync()
		r.join("0", inbox).expect(0, "user:1#3", "user:1#4", ready)
		r.join("0@user:1", inbox).expect(0, "user:1#3", "user:1#4", ready)
	})
}

func TestTrimmedEventsAreAnnounced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		for range 6 {
			r.log.add(inbox)
		}
		r.log.trim(inbox, 4)
		r.log.sync()
		c := r.join("1.e1@user:1", inbox)
		blocks := c.read()
		require.Equal(t, []string{`reset {"channel":"user:1","from":2,"to":4}`, "user:1#5", "user:1#6", ready}, short(blocks))
		require.Equal(t, "4.e1@user:1", blocks[0].id, "the id of a reset is where the stream goes on")
	})
}

// A trim that happens between the head read and the replay is announced too.
func TestTrimDuringReplayIsAnnounced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		for range 6 {
			r.log.add(inbox)
		}
		r.log.onHeads = func([]event.Channel) { r.log.trim(inbox, 3); r.log.sync() }
		r.join("1.e1@user:1", inbox).expect(0,
			`reset {"channel":"user:1","from":2,"to":3}`, "user:1#4", "user:1#5", "user:1#6", ready)
	})
}

func TestDeletedEventsArePassedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		for range 5 {
			r.log.add(inbox)
		}
		r.log.erase(inbox, 3)
		r.log.erase(inbox, 5)
		c := r.join("1.e1@user:1", inbox)
		c.expect(0, "user:1#2", "user:1#4", ready)
		require.Equal(t, "5.e1@user:1", c.id)
	})
}

func TestPositionAheadOfTheHeadIsReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.log.add(inbox)
		r.join("7.e1@user:1", inbox).expect(time.Second,
			`reset {"channel":"user:1","from":null,"to":null}`, "user:1#1", ready)
	})
}

func TestPositionOfAnotherEpochIsReset(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.log.add(inbox)
		r.join("1.e0@user:1", inbox).expect(time.Second,
			`reset {"channel":"user:1","from":null,"to":null}`, "user:1#1", ready)
	})
}

// Until the reset of a channel is written, ids carry what the client brought,
// and for an unparsable cursor a position that resets again.
func TestResetThatIsCutOffIsAnnouncedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.log.add(inbox)
		r.log.add(raffle)
		c := r.join("nonsense", inbox, raffle)
		blocks := c.read()
		require.Equal(t, []string{
			`reset {"channel":"user:1","from":null,"to":null}`,
			`reset {"channel":"raffle:1","from":null,"to":null}`,
			"user:1#1", "raffle:1#1", ready,
		}, short(blocks))
		require.Equal(t, "0.e1@user:1,0.-@raffle:1", blocks[0].id)
		require.Equal(t, "0.e1@user:1,0.e1@raffle:1", blocks[1].id)

		c = r.join(blocks[0].id, inbox, raffle)
		c.expect(0, `reset {"channel":"raffle:1","from":null,"to":null}`, "user:1#1", "raffle:1#1", ready)

		c = r.join("1.e0@user:1,1.e0@raffle:1", inbox, raffle)
		require.Equal(t, "0.e1@user:1,1.e0@raffle:1", c.wait(time.Second)[0].id)
	})
}

// An id never names the head of a channel whose replay has not been written.
func TestIDsShowOnlyWhatWasHandedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		for range 3 {
			r.log.add(inbox)
			r.log.add(raffle)
		}
		c := r.join("1.e1@user:1,1.e1@raffle:1", inbox, raffle)
		blocks := c.read()
		require.Equal(t, []string{"user:1#2", "user:1#3", "raffle:1#2", "raffle:1#3", ready}, short(blocks))
		require.Equal(t, "2.e1@user:1,1.e1@raffle:1", blocks[0].id)
		require.Equal(t, "3.e1@user:1,2.e1@raffle:1", blocks[2].id)
	})
}

// A channel without a position takes the head that it is told of as its
// position and is replayed from it, though the hub has moved on meanwhile.
func TestJoinReplaysFromTheHeadItWasToldOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.log.add(inbox)
		var once sync.Once
		r.log.onHeads = func([]event.Channel) { once.Do(func() { r.publish(inbox) }) }
		c := r.join("", inbox)
		c.expect(time.Second, ready, "user:1#2")
	})
}

// The same where the hub follows the channel already: what it heard between the
// answer's snapshot and the answer is in neither the count nor an older replay.
func TestJoinReplaysWhatItsCountDoesNotHave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.log.add(inbox)
		r.openInbox("").expect(0, `ready {"unread":1,"head":1}`)
		var once sync.Once
		r.log.set(func(l *fakeLog) {
			l.onHeads = func([]event.Channel) { once.Do(func() { r.publish(inbox) }) }
		})
		c := r.openInbox("")
		c.expect(time.Second, "user:1#2", `ready {"unread":1,"head":1}`)
	})
}

func TestNoEventBeforeEveryChannelHasAPosition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.log.add(inbox)
		r.bus.manual = true
		c := r.join("0.e1@user:1,0.e1@raffle:1", inbox, raffle)
		r.bus.handler.Subscribed(inbox)
		c.expect(time.Second)
		r.bus.handler.Subscribed(raffle)
		c.expect(0, "user:1#1", ready)
	})
}

// A channel with much to replay does not keep the others waiting.
func TestChannelsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		for range 20 {
			r.log.add(inbox)
			r.log.add(raffle)
		}
		c := r.join("1.e1@user:1,1.e1@raffle:1", inbox, raffle)
		var got []string
		for len(got) < 8 {
			synctest.Wait()
			got = append(got, short(c.sip(1))...)
			<-time.After(read.RangePace)
		}
		require.Contains(t, got, "user:1#2")
		require.Contains(t, got, "raffle:1#2")
		c.wait(time.Second)
		require.Equal(t, "20.e1@user:1,20.e1@raffle:1", c.id)
	})
}

func TestManyJoinsShareFewQueries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.rush = true
		r.log.onHeads = func([]event.Channel) { <-time.After(5 * time.Millisecond) }
		r.log.onRange = func() { <-time.After(5 * time.Millisecond) }
		var clients []*client
		var names []event.Channel
		for i := range 5000 {
			name := event.Channel(fmt.Sprintf("user:%d", i))
			names = append(names, name)
			for range 3 {
				r.log.add(name)
			}
		}
		for _, name := range names {
			clients = append(clients, r.join("1.e1@"+string(name), name))
		}
		<-time.After(time.Second)
		for _, c := range clients { // each asks for its page when it is read
			c.pull()
		}
		<-time.After(time.Second)
		for i, c := range clients {
			n := string(names[i])
			require.Equal(t, []string{n + "#2", n + "#3", ready}, short(c.pull()))
		}
		heads, ranges := r.log.queries()
		require.Less(t, heads+ranges, 50)
	})
}

func TestMessageOnlyLeavesTheEventLineOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		c := r.open(Request{Channels: []event.Channel{inbox}, MessageOnly: true})
		c.read()
		r.publish(inbox)
		b := c.read()
		require.Len(t, b, 1)
		require.Empty(t, b[0].event)
		require.Contains(t, b[0].data, `"type":"note"`)
	})
}

// TestReplayOfManyPiecesComesWhole: what is left out of a piece, such as event lines,
// must not make the stream take the piece for the last one.
func TestReplayOfManyPiecesComesWhole(t *testing.T) {
	const events = 200
	for _, messageOnly := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			r := newRig(t)
			for range events {
				r.log.add(inbox)
			}
			c := r.open(Request{Channels: []event.Channel{inbox}, Cursor: cursor(t, "0.e1@user:1"), MessageOnly: messageOnly})
			var got []block
			for range 3 { // to be placed, for the page, and whatever wakes it then
				<-time.After(time.Second)
				got = append(got, c.pull()...)
			}
			require.Len(t, got, events+1)
			require.Equal(t, "bellhop.ready", got[events].event)
		})
	}
}
