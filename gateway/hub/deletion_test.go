package hub

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/bellhop/bellhop/event"
)

// Deleted events leave the ring with the hint that announces the deletion.
func TestRingDoesNotReplayWhatWasDeleted(t *testing.T) {
	for _, way := range []string{"bus", "tail"} {
		t.Run(way, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.live(inbox)
				r.publish(inbox)
				r.publish(inbox)
				hint := r.log.erase(inbox, 1)
				if way == "bus" {
					r.bus.send(hint)
				} else {
					<-time.After(3 * time.Second)
				}
				r.join("0.e1@user:1", inbox).expect(time.Second, "user:1#2", ready)
			})
		})
	}
}

// The deletion is announced before the event itself is: two processes publish.
func TestLateFrameOfADeletedEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		c := r.live(inbox)
		first, second := r.log.add(inbox), r.log.add(inbox)
		r.bus.send(r.log.erase(inbox, 1))
		r.bus.send(first)
		r.bus.send(second)
		c.expect(time.Second, "user:1#2")
		r.join("0.e1@user:1", inbox).expect(time.Second, "user:1#2", ready)
		r.publish(inbox)
		c.expect(0, "user:1#3")
	})
}

// A hole was being filled when something in it was deleted: what the log said
// before must not stay in the ring.
func TestRingForgetsAFillThatADeletionOvertook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		c := r.live(inbox)
		r.log.add(inbox) // lost on the bus
		r.log.set(func(l *fakeLog) {
			l.onRange = func() {
				l.set(func(l *fakeLog) { l.onRange = nil })
				r.bus.send(r.log.erase(inbox, 1))
			}
		})
		r.publish(inbox)
		c.expect(time.Second, "user:1#2")
		r.join("0.e1@user:1", inbox).expect(time.Second, "user:1#2", ready)
	})
}

// A replica that has the event, but not yet its deletion, is behind.
func TestReplayIsNotBehindADeletion(t *testing.T) {
	for name, ch := range map[string]event.Channel{"inbox": inbox, "other channel": "room:a"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				for range 3 {
					r.log.add(ch)
				}
				r.log.sync()
				r.log.erase(ch, 2) // before anybody came
				c := r.join("0", ch)
				c.expect(time.Second, string(ch)+"#1", string(ch)+"#3", ready)
				r.bus.send(r.log.erase(ch, 3))
				r.join("0", ch).expect(time.Second, string(ch)+"#1", ready)
			})
		})
	}
}
