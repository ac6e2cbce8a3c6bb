package hub

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/gateway/hub/read"
)

func gauge(t *testing.T, g prometheus.Metric) float64 {
	t.Helper()
	var m dto.Metric
	require.NoError(t, g.Write(&m))
	return m.GetGauge().GetValue()
}

func TestJoinLatestHandsOverTheNewestEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newKeptRig(t, Rules{JoinLatest: true})
		for range 5 {
			r.kept.add(raffle, "note")
		}
		c := r.join("", raffle)
		c.expect(time.Second, "raffle:1#5", ready)
		require.Equal(t, "5.k1@raffle:1", c.id)
		r.say(raffle, "note")
		c.expect(0, "raffle:1#6")
		r.join("3.k1@raffle:1", raffle).expect(time.Second, "raffle:1#4", "raffle:1#5", "raffle:1#6", ready)
		r.kept.trim(raffle, 6) // by age
		r.join("", raffle).expect(time.Second, ready)
	})
}

func TestJoinLatestOfAConflatedChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newKeptRig(t, Rules{JoinLatest: true, Conflate: true})
		for _, typ := range []string{"probability", "winner", "probability", "probability"} {
			r.kept.add(raffle, typ)
		}
		c := r.join("", raffle)
		c.expect(time.Second, "raffle:1#2", "raffle:1#4", ready)
		require.Equal(t, "4.k1@raffle:1", c.id)
		_, before := r.kept.queries()
		for range 20 {
			r.join("", raffle).expect(read.FreshPace, "raffle:1#2", "raffle:1#4", ready)
		}
		_, after := r.kept.queries()
		require.Equal(t, before, after, "the channel has them in memory")
	})
}

// However long the channel has been quiet, and whoever comes first reads them
// for all who come.
func TestNewestValuesStayInMemory(t *testing.T) {
	for name, rate := range map[string]int{"at once": 0, "at a rate": 10} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newKeptRig(t, Rules{JoinLatest: true, Conflate: true, MaxRate: rate})
				live := r.live(raffle)
				r.say(raffle, "winner")
				r.say(raffle, "probability")
				live.expect(time.Second, "raffle:1#1", "raffle:1#2")
				<-time.After(10 * time.Minute)
				_, before := r.kept.queries()
				r.join("", raffle).expect(read.FreshPace, "raffle:1#1", "raffle:1#2", ready)
				for range 20 {
					r.join("", raffle).expect(read.FreshPace, "raffle:1#1", "raffle:1#2", ready)
				}
				_, after := r.kept.queries()
				require.Equal(t, before+1, after)
				live.expect(time.Second)
				r.kept.trim(raffle, 1) // the retention took the winner away
				<-time.After(3 * time.Second)
				r.join("", raffle).expect(read.FreshPace, "raffle:1#2", ready)
			})
		})
	}
}

// A value that expires is handed out for some time at most.
func TestNewestValuesDoNotOutliveTheLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newKeptRig(t, Rules{JoinLatest: true, Conflate: true, MaxRate: 10})
		live := r.live(raffle)
		r.say(raffle, "winner")
		r.say(raffle, "probability")
		live.wait(time.Second)
		r.kept.hide(raffle, 1)
		seq := 2
		for range 500 { // the channel is never quiet
			<-time.After(80 * time.Millisecond)
			r.say(raffle, "probability")
			seq++
		}
		c := r.join("", raffle)
		c.expect(200*time.Millisecond, fmt.Sprintf("raffle:1#%d", seq), ready)
		r.say(raffle, "probability")
		for _, c := range []*client{live, c} {
			got := short(c.wait(time.Second))
			require.Equal(t, fmt.Sprintf("raffle:1#%d", seq+1), got[len(got)-1])
		}
	})
}

// Who is behind skips to the newest of each type, in the order of the channel; a
// rare event is not swallowed by a frequent one.
func TestSlowClientOfAConflatedChannelSkips(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newKeptRig(t, Rules{Conflate: true})
		c := r.live(raffle)
		r.say(raffle, "probability")
		c.expect(time.Second, "raffle:1#1")
		_, before := r.kept.queries()
		for range 29 {
			r.say(raffle, "probability")
		}
		r.say(raffle, "winner")
		for range 200 {
			r.say(raffle, "probability")
		}
		c.expect(time.Second, "raffle:1#31", "raffle:1#231")
		require.Equal(t, "231.k1@raffle:1", c.id)
		require.InDelta(t, 228, value(t, r.hub.metrics.conflated), 0)
		_, after := r.kept.queries()
		require.Equal(t, before, after)
		r.say(raffle, "probability")
		c.expect(0, "raffle:1#232")
	})
}

// A client that was away skips as well, and what retention took is no loss.
func TestResumedClientOfAConflatedChannelSkips(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newKeptRig(t, Rules{Conflate: true})
		r.kept.add(raffle, "start")
		for range 400 {
			r.kept.add(raffle, "probability")
		}
		r.kept.trim(raffle, 300)
		r.join("2.k1@raffle:1", raffle).expect(time.Second, "raffle:1#401", ready)
		r.say(raffle, "probability")
		r.join("0@raffle:1", raffle).expect(time.Second, "raffle:1#402", ready)
		r.join("401.k1@raffle:1", raffle).expect(time.Second, "raffle:1#402", ready)
	})
}

// All that was there has been trimmed by age: there is nothing to skip to.
func TestConflatedChannelThatWasTrimmedWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newKeptRig(t, Rules{Conflate: true, JoinLatest: true, MaxRate: 10})
		for range 5 {
			r.kept.add(raffle, "probability")
		}
		r.kept.trim(raffle, 5)
		c := r.join("2.k1@raffle:1", raffle)
		c.expect(time.Second, ready)
		require.Equal(t, "5.k1@raffle:1", c.id)
		r.join("", raffle).expect(time.Second, ready)
		r.say(raffle, "probability")
		c.expect(0, "raffle:1#6")
	})
}

// What the memory does not hold is read from the log, and conflated there.
func TestConflatedPages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newKeptRig(t, Rules{Conflate: true}, func(c *Config) { c.RingFrames = 2 })
		r.live(raffle)
		for _, typ := range []string{"a", "b", "c", "a", "b", "a", "d"} {
			r.say(raffle, typ)
		}
		r.join("1.k1@raffle:1", raffle).expect(time.Second, "raffle:1#3", "raffle:1#5", "raffle:1#6", "raffle:1#7", ready)
	})
}

// The channels of the database can be conflated too.
func TestConflatedChannelOfTheDatabase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(c *Config) {
			c.Rules = func(string) Rules { return Rules{Conflate: true, JoinLatest: true} }
		})
		for range 5 {
			r.log.add(inbox)
		}
		r.log.sync()
		c := r.join("", inbox)
		c.expect(time.Second, "user:1#5", ready)
		hint := r.log.erase(inbox, 5)
		r.bus.send(hint)
		r.log.sync()
		r.publish(inbox)
		c.expect(time.Second, "user:1#6")
		r.bus.send(r.log.erase(inbox, 6))
		r.log.sync()
		r.join("", inbox).expect(time.Second, "user:1#4", ready)
		behind := r.join("1.e1@user:1", inbox)
		behind.expect(time.Second, "user:1#4", ready)
		require.Equal(t, "6.e1@user:1", behind.id)
	})
}

// A burst is merged: its first event goes out at once, then what is newest at
// most MaxRate times a second, and the last value not later than a period after.
func TestMaxRateMergesForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newKeptRig(t, Rules{Conflate: true, JoinLatest: true, MaxRate: 10})
		c := r.live(raffle)
		r.say(raffle, "probability")
		<-time.After(time.Second)
		c.read()
		start := time.Now()
		r.say(raffle, "probability")
		c.expect(0, "raffle:1#2")
		var got []string
		for range 49 { // 50 a second
			<-time.After(20 * time.Millisecond)
			r.say(raffle, "probability")
			got = append(got, short(c.read())...)
		}
		require.InDelta(t, 980, time.Since(start).Milliseconds(), 1)
		require.Len(t, got, 9)
		r.say(raffle, "winner")
		r.say(raffle, "probability")
		// Who joins sees the newest values at once.
		r.join("", raffle).expect(read.FreshPace, "raffle:1#52", "raffle:1#53", ready)
		got = short(c.wait(100 * time.Millisecond))
		require.Equal(t, []string{"raffle:1#52", "raffle:1#53"}, got)
		c.expect(time.Second)
		require.False(t, memory(r.hub.find(raffle)).Timer, "a quiet channel has no timer")
		r.say(raffle, "probability")
		c.expect(0, "raffle:1#54")
	})
}

// The newest values were dropped for their age, and the log has to be read, while
// listeners that are live wait for the end of the period.
func TestJoinDoesNotWaitForThePeriod(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newKeptRig(t, Rules{Conflate: true, JoinLatest: true, MaxRate: 1})
		c := r.live(raffle)
		r.say(raffle, "winner")
		c.expect(0, "raffle:1#1")
		<-time.After(time.Minute)
		r.say(raffle, "probability")
		c.expect(0, "raffle:1#2")
		r.say(raffle, "probability")
		r.join("", raffle).expect(2*read.RangePace, "raffle:1#1", "raffle:1#3", ready)
		c.expect(500 * time.Millisecond)
		c.expect(500*time.Millisecond, "raffle:1#3")
	})
}

// A stream that is woken for another channel does not get more of this one.
func TestMaxRateHoldsWhateverElseHappens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newKeptRig(t, Rules{Conflate: true, MaxRate: 10})
		c := r.live(inbox, raffle)
		r.say(raffle, "probability")
		c.wait(time.Second)
		seen := 0
		for range 50 {
			r.say(raffle, "probability")
			r.publish(inbox)
			for _, s := range short(c.read()) {
				if s[:6] == "raffle" {
					seen++
				}
			}
			<-time.After(20 * time.Millisecond)
		}
		require.LessOrEqual(t, seen, 11)
		require.GreaterOrEqual(t, seen, 9)
	})
}

// What the last life had released says nothing of the new one.
func TestTempoBeginsAnewWithALife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newKeptRig(t, Rules{Conflate: true, MaxRate: 1})
		c := r.live(raffle)
		for range 5 {
			r.say(raffle, "probability")
			c.wait(1100 * time.Millisecond)
		}
		r.say(raffle, "probability")
		c.expect(0, "raffle:1#6")
		r.say(raffle, "probability") // waits for the end of the period
		r.kept.evict(raffle)
		r.say(raffle, "probability")
		c.expect(300*time.Millisecond, raffleReset, "raffle:1#1")
		r.say(raffle, "probability")
		c.expect(1100*time.Millisecond, "raffle:1#2")
	})
}

// A new life of a conflated channel is announced like any other, and its newest
// value follows.
func TestConflatedChannelBeginsANewLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newKeptRig(t, Rules{Conflate: true, JoinLatest: true, MaxRate: 10})
		c := r.live(raffle)
		for range 5 {
			r.say(raffle, "probability")
		}
		c.wait(time.Second)
		require.Equal(t, "5.k1@raffle:1", c.id)
		r.kept.flush()
		for range 20 {
			r.say(raffle, "probability")
		}
		c.expect(2*time.Second, raffleReset, "raffle:1#20")
		require.Equal(t, "20.k2@raffle:1", c.id)
	})
}
