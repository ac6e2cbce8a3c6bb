package hub

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/gateway/hub/read"
	"github.com/bellhop/bellhop/store"
)

const (
	topic       = event.Channel("topic:1")
	raffleReset = `reset {"channel":"raffle:1","from":null,"to":null}`
)

func TestKeptChannelHasItsOwnEpochInTheId(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newKeptRig(t, Rules{})
		r.kept.add(raffle, "note")
		r.log.add(inbox)
		c := r.live(inbox, raffle)
		require.Equal(t, "1.e1@user:1,1.k1@raffle:1", c.id)
		r.say(raffle, "note")
		r.publish(inbox)
		c.expect(0, "user:1#2", "raffle:1#2")
		require.Equal(t, "2.e1@user:1,2.k1@raffle:1", c.id)
	})
}

// A channel that nobody ever wrote to has no epoch. Its first event begins one,
// and nobody is reset: there was nothing to lose.
func TestChannelThatIsBornResetsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newKeptRig(t, Rules{})
		c := r.live(raffle)
		require.Equal(t, "0@raffle:1", c.id)
		r.say(raffle, "note")
		r.say(raffle, "note")
		c.expect(time.Second, "raffle:1#1", "raffle:1#2")
		require.Equal(t, "2.k1@raffle:1", c.id)
	})
}

// A life that ends is announced once, though nobody publishes; the next one, which
// begins with the next event, is not announced again.
func TestFlushedLogIsAnnouncedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newKeptRig(t, Rules{})
		r.kept.add(raffle, "note")
		c := r.live(raffle)
		r.kept.flush()
		c.expect(2200*time.Millisecond, raffleReset)
		require.Equal(t, "0@raffle:1", c.id)
		require.InDelta(t, 1, value(t, r.hub.metrics.keptLives), 0)

		// Another client comes back late, with its position of the first life.
		late := r.join("1.k1@raffle:1", raffle)
		late.expect(time.Second, raffleReset, ready)
		require.Equal(t, "0@raffle:1", late.id)
		// And one that was reset already.
		again := r.join("0@raffle:1", raffle)
		again.expect(time.Second, ready)

		r.say(raffle, "note")
		for _, c := range []*client{c, late, again} {
			c.expect(time.Second, "raffle:1#1")
			require.Equal(t, "1.k2@raffle:1", c.id)
		}
		r.join("1.k1@raffle:1", raffle).expect(time.Second, raffleReset, "raffle:1#1", ready)
	})
}

// A life ends and the next begins between two messages.
func TestMessageOfAnotherLifeAsksTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newKeptRig(t, Rules{})
		c := r.live(raffle, topic)
		r.say(raffle, "note")
		r.say(topic, "note")
		require.ElementsMatch(t, []string{"raffle:1#1", "topic:1#1"}, short(c.wait(time.Second)))
		r.kept.evict(raffle)
		r.say(raffle, "note")
		r.say(topic, "note")
		require.ElementsMatch(t, []string{raffleReset, "raffle:1#1", "topic:1#2"}, short(c.wait(time.Second)),
			"the other channel goes on")
		require.Equal(t, "1.k3@raffle:1,2.k2@topic:1", c.id)
	})
}

// A message that was long under way, of a life that is over.
func TestMessageOfALifeThatIsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newKeptRig(t, Rules{})
		c := r.live(raffle)
		late := r.kept.add(raffle, "note")
		r.kept.evict(raffle)
		r.say(raffle, "note")
		c.expect(time.Second, "raffle:1#1")
		r.bus.send(late)
		c.expect(3 * time.Second)
		r.say(raffle, "note")
		c.expect(0, "raffle:1#2")
	})
}

// A pooled connection that still leads to the old server must not revive it.
func TestReplacedServerIsNotBelieved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newKeptRig(t, Rules{})
		c := r.live(raffle)
		r.say(raffle, "note")
		behind := r.kept.copy()
		r.say(raffle, "note")
		c.expect(time.Second, "raffle:1#1", "raffle:1#2")
		r.kept.failOver(behind)
		old := r.kept.pooled
		r.say(raffle, "note") // seq 2 of the new life
		c.expect(time.Second, raffleReset, "raffle:1#1", "raffle:1#2")
		require.Equal(t, "2.k2@raffle:1", c.id)
		r.kept.set(func(k *fakeKept) { k.pooled = old })
		c.expect(5 * time.Second)
		require.Equal(t, event.Epoch("k2"), r.hub.find(raffle).Filled().Epoch)
	})
}

// Nobody publishes, and as long as the old server answers nothing else would tell.
func TestReplacedServerIsFoundWithoutAMessage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newKeptRig(t, Rules{})
		r.kept.add(raffle, "note")
		c := r.live(raffle)
		r.kept.failOver(r.kept.copy())
		c.expect(2200*time.Millisecond, raffleReset, "raffle:1#1")
		require.Equal(t, "1.k2@raffle:1", c.id)
	})
}

// An answer that was under way while the channel began another life.
func TestOldAnswerDoesNotTurnAKeptChannelBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newKeptRig(t, Rules{})
		c := r.live(raffle)
		r.say(raffle, "note")
		c.expect(time.Second, "raffle:1#1")
		ch := r.hub.find(raffle)
		q, ok := ch.question()
		require.True(t, ok)
		r.kept.evict(raffle)
		r.say(raffle, "note")
		c.expect(time.Second, raffleReset, "raffle:1#1")
		require.False(t, q.answered("k1", store.Head{Channel: raffle, Seq: 1}, &read.Answer{Fresh: true}))
		require.Equal(t, event.Epoch("k2"), ch.Filled().Epoch)
		c.expect(time.Second)
		require.Equal(t, event.Epoch("k2"), ch.Filled().Epoch)
	})
}

// There is no tail: a look at the heads finds what the bus lost.
func TestSilentLossInAKeptChannelIsFound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newKeptRig(t, Rules{})
		c := r.live(raffle)
		r.say(raffle, "note")
		c.expect(time.Second, "raffle:1#1")
		r.kept.add(raffle, "note")
		c.expect(2200*time.Millisecond, "raffle:1#2")

		for name, hint := range map[string]func(){
			"dropped":            func() { r.bus.handler.Lost(raffle) },
			"subscribed to anew": func() { r.bus.handler.Subscribed(raffle) },
			"proven again":       func() { r.bus.handler.Suspect(false) },
		} {
			r.kept.add(raffle, "note")
			hint()
			require.Len(t, c.wait(150*time.Millisecond), 1, name)
		}
		r.bus.handler.Suspect(true)
		c.expect(time.Second)
		r.kept.add(raffle, "note")
		require.Len(t, c.wait(330*time.Millisecond), 1, "in doubt the log is asked often")
	})
}

func TestPollsAreFewAndShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newKeptRig(t, Rules{})
		r.rush = true
		for i := range 300 {
			r.join("", event.Channel("topic:"+string(rune('a'+i%26))+string(rune('a'+i/26))))
		}
		<-time.After(3 * time.Second)
		before, _ := r.kept.queries()
		<-time.After(20 * time.Second)
		after, _ := r.kept.queries()
		require.LessOrEqual(t, after-before, 22, "a look every two seconds, in one or two queries")
	})
}

// A message without an event may be a hint about the database's tail; of a kept
// channel it says that the frame was too large for the bus.
func TestKeptMessageWithoutItsFrame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newKeptRig(t, Rules{})
		c := r.live(raffle)
		r.say(raffle, "note")
		c.expect(time.Second, "raffle:1#1")
		m := r.kept.add(raffle, "note")
		m.Frame = nil
		r.bus.send(m)
		c.expect(100*time.Millisecond, "raffle:1#2")
	})
}

// Other namespaces than conflated ones never skip: what retention took away is
// announced.
func TestTrimmedKeptEventsAreAnnounced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newKeptRig(t, Rules{})
		for range 6 {
			r.kept.add(raffle, "note")
		}
		r.kept.trim(raffle, 4)
		r.join("1.k1@raffle:1", raffle).expect(time.Second,
			`reset {"channel":"raffle:1","from":2,"to":4}`, "raffle:1#5", "raffle:1#6", ready)
	})
}
