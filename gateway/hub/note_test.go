package hub

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/store"
)

// mark changes what is unread in a channel, and returns the message that
// announces it.
func (l *fakeLog) mark(ch event.Channel, kind event.NoteKind, upTo, unread uint64, seqs ...uint64) fanout.Message {
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.primary
	c := p.channels[ch]
	c.version++
	c.unread = unread
	p.channels[ch] = c
	n := &event.Note{Version: c.version, Head: c.head(), Unread: unread, Kind: kind, UpTo: upTo, Seqs: seqs}
	p.addCommit(p.nextID, store.Change{Channel: ch, Head: c.head(), Rewrite: kind == event.NoteRemoved, Note: n})
	p.nextID++
	return fanout.Message{Channel: ch, Epoch: p.epoch, Seq: c.head(), Note: n}
}

// openInbox opens a stream on somebody's inbox and other channels.
func (r *rig) openInbox(cursor string, others ...event.Channel) *client {
	r.t.Helper()
	cur, err := event.ParseCursor(cursor)
	require.NoError(r.t, err)
	return r.open(Request{Channels: append([]event.Channel{inbox}, others...), Inbox: true, Cursor: cur})
}

func TestNotesReachEveryStreamOfTheInbox(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		for range 3 {
			r.log.add(inbox)
		}
		laptop, phone := r.openInbox(""), r.openInbox("", raffle)
		viewer := r.join("", inbox) // holds the channel, but not as an inbox
		laptop.expect(0, `ready {"unread":3,"head":3}`)
		phone.expect(0, `ready {"unread":3,"head":3}`)
		viewer.expect(0, ready)

		r.bus.send(r.log.mark(inbox, event.NoteRead, 2, 1))
		laptop.expect(0, `read {"change":"read","up_to":2,"seqs":null,"unread":1,"head":3}`)
		require.Equal(t, "3.e1@user:1", laptop.id)
		phone.expect(0, `read {"change":"read","up_to":2,"seqs":null,"unread":1,"head":3}`)
		require.Equal(t, "3.e1@user:1,0.e1@raffle:1", phone.id)
		viewer.expect(0)

		r.bus.send(r.log.mark(inbox, event.NoteUnread, 0, 3, 1, 2))
		laptop.expect(0, `read {"change":"unread","up_to":null,"seqs":[1,2],"unread":3,"head":3}`)
		r.bus.send(r.log.mark(inbox, event.NoteReplaced, 0, 2, 3))
		laptop.expect(0, `read {"change":"replaced","up_to":null,"seqs":[3],"unread":2,"head":3}`)
		laptop.expect(3 * time.Second) // the tail says the same again
	})
}

// A bus that lost the note, or is away.
func TestNotesComeByTheTail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.log.add(inbox)
		c := r.openInbox("")
		c.expect(0, `ready {"unread":1,"head":1}`)
		r.log.mark(inbox, event.NoteRead, 1, 0)
		c.expect(2100*time.Millisecond, `read {"change":"read","up_to":1,"seqs":null,"unread":0,"head":1}`)
		r.bus.handler.Suspect(true)
		c.expect(time.Second)
		r.log.mark(inbox, event.NoteUnread, 0, 1, 1)
		c.expect(300*time.Millisecond, `read {"change":"unread","up_to":null,"seqs":[1],"unread":1,"head":1}`)
	})
}

func TestAnOlderNoteNeverFollowsANewerOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.log.add(inbox)
		c := r.openInbox("")
		c.expect(0, `ready {"unread":1,"head":1}`)
		first := r.log.mark(inbox, event.NoteRead, 1, 0)
		second := r.log.mark(inbox, event.NoteUnread, 0, 1, 1)
		r.bus.send(second)
		c.expect(0, `read {"change":"other","up_to":null,"seqs":null,"unread":1,"head":1}`)
		r.bus.send(first)
		c.expect(3 * time.Second)
	})
}

// The bus loses a note, but not the next one: what the first was about is not said,
// and the second is not said to be all.
func TestAMissedNoteIsNotHidden(t *testing.T) {
	for name, lose := range map[string]func(l *fakeLog){
		"read":     func(l *fakeLog) { l.mark(inbox, event.NoteRead, 0, 2, 1) },
		"unread":   func(l *fakeLog) { l.mark(inbox, event.NoteUnread, 0, 4, 1) },
		"removed":  func(l *fakeLog) { l.mark(inbox, event.NoteRemoved, 0, 1, 1, 2) },
		"replaced": func(l *fakeLog) { l.add(inbox); l.mark(inbox, event.NoteReplaced, 0, 3, 1) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				for range 5 {
					r.log.add(inbox)
				}
				r.log.mark(inbox, event.NoteRead, 0, 3, 1, 2)
				c := r.openInbox("")
				c.expect(0, `ready {"unread":3,"head":5}`)
				lose(r.log)
				var head, unread uint64
				r.log.change(func(l *life) { head, unread = l.channels[inbox].head(), l.channels[inbox].unread-1 })
				m := r.log.mark(inbox, event.NoteRead, 0, unread, 5)
				r.log.sync()
				r.bus.send(m)
				said := short(c.wait(100 * time.Millisecond))
				require.Contains(t, said, fmt.Sprintf(`read {"change":"other","up_to":null,"seqs":null,"unread":%d,"head":%d}`, unread, head))
				for _, line := range short(c.wait(3 * time.Second)) {
					require.NotContains(t, line, "read ", "the tail has nothing newer")
				}
			})
		})
	}
}

// A client that takes nothing for a while hears how things stand, not what
// happened meanwhile.
func TestASlowClientHearsTheNewestState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		for range 3 {
			r.log.add(inbox)
		}
		c := r.openInbox("")
		c.expect(0, `ready {"unread":3,"head":3}`)
		r.bus.send(r.log.mark(inbox, event.NoteRead, 0, 2, 1))
		r.bus.send(r.log.mark(inbox, event.NoteRead, 0, 1, 2))
		r.publish(inbox)
		c.expect(0, "user:1#4", `read {"change":"other","up_to":null,"seqs":null,"unread":1,"head":3}`)
	})
}

// The note is committed while the heads for a joiner are being read: before
// their snapshot, or after it.
func TestAJoinerHearsTheNewestState(t *testing.T) {
	for name, test := range map[string]struct {
		announce bool // by the bus; else the tail has to do
		want     []string
	}{
		"by the bus":  {true, []string{`ready {"unread":0,"head":1}`}},
		"by the tail": {false, []string{`ready {"unread":1,"head":1}`, `read {"change":"read","up_to":1,"seqs":null,"unread":0,"head":1}`}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				r.log.add(inbox)
				first := r.openInbox("")
				first.expect(0, `ready {"unread":1,"head":1}`)
				r.log.set(func(l *fakeLog) {
					l.onHeads = func([]event.Channel) {
						l.set(func(l *fakeLog) { l.onHeads = nil })
						m := l.mark(inbox, event.NoteRead, 1, 0)
						if test.announce {
							r.bus.send(m)
						}
					}
				})
				c := r.openInbox("")
				c.expect(3*time.Second, test.want...)
				first.expect(0, `read {"change":"read","up_to":1,"seqs":null,"unread":0,"head":1}`)
			})
		})
	}
}

// The same for the first who comes: nothing is known of the channel yet.
func TestANoteBeforeTheFirstHeadIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.log.add(inbox)
		r.log.set(func(l *fakeLog) {
			l.onHeads = func([]event.Channel) {
				l.set(func(l *fakeLog) { l.onHeads = nil })
				r.bus.send(l.mark(inbox, event.NoteRead, 1, 0))
			}
		})
		c := r.openInbox("")
		c.expect(3*time.Second, `ready {"unread":0,"head":1}`)
	})
}

// A note that was missed and is not in the tail any more: whoever reads the heads
// next finds the count to be another one than clients think.
func TestACountThatClientsCantKnowIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.log.add(inbox)
		c := r.openInbox("")
		c.expect(0, `ready {"unread":1,"head":1}`)
		r.publish(inbox)
		c.expect(0, "user:1#2")
		r.openInbox("").expect(0, `ready {"unread":2,"head":2}`)
		c.expect(0) // it can count
		r.log.mark(inbox, event.NoteRead, 2, 0)
		r.log.change(func(l *life) { l.commits, l.low = nil, l.nextID })
		r.openInbox("").expect(0, `ready {"unread":0,"head":2}`)
		c.expect(0, `read {"change":"other","up_to":null,"seqs":null,"unread":0,"head":2}`)
	})
}

// One was made read and another unread: the count is what it was, and yet lists are
// out of date. The version says that more happened than events did.
func TestChangesThatCancelOutAreNotHidden(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.log.add(inbox)
		r.log.add(inbox)
		r.log.mark(inbox, event.NoteRead, 0, 1, 1)
		c := r.openInbox("")
		c.expect(0, `ready {"unread":1,"head":2}`)
		r.log.mark(inbox, event.NoteRead, 0, 0, 2) // lost on the bus
		r.log.mark(inbox, event.NoteUnread, 0, 1, 1)
		r.openInbox("").expect(0, `ready {"unread":1,"head":2}`)
		c.expect(3*time.Second, `read {"change":"other","up_to":null,"seqs":null,"unread":1,"head":2}`)
	})
}

func TestANewEpochBeginsItsOwnVersions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		for range 3 {
			r.log.add(inbox)
		}
		c := r.openInbox("")
		c.expect(0, `ready {"unread":3,"head":3}`)
		r.log.change(func(l *life) {
			l.epoch = "e2"
			l.channels[inbox] = fakeChannel{version: 1, unread: 2, events: l.channels[inbox].events[:2]}
		})
		m := r.log.mark(inbox, event.NoteRead, 2, 0)
		r.bus.send(m)
		blocks := short(c.wait(20 * time.Second))
		require.Equal(t, []string{unknownReset, "user:1#1", "user:1#2"}, blocks, "who is reset fetches the count anew")
		r.bus.send(r.log.mark(inbox, event.NoteUnread, 0, 1, 1))
		c.expect(0, `read {"change":"unread","up_to":null,"seqs":[1],"unread":1,"head":2}`)
	})
}

// A deletion takes the frames away that the gateway kept; other notes do not.
func TestOnlyADeletionDropsTheRing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		c := r.openInbox("")
		c.expect(0, `ready {"unread":0,"head":0}`)
		r.publish(inbox)
		r.publish(inbox)
		c.expect(0, "user:1#1", "user:1#2")
		r.bus.send(r.log.mark(inbox, event.NoteRead, 2, 0))
		_, before := r.log.queries()
		r.openInbox("0").expect(0, "user:1#1", "user:1#2", `ready {"unread":0,"head":2}`)
		_, after := r.log.queries()
		require.Equal(t, before, after, "the ring has both")

		r.log.erase(inbox, 1)
		m := r.log.mark(inbox, event.NoteRemoved, 0, 0, 1)
		r.log.sync()
		r.bus.send(m)
		r.openInbox("0").expect(100*time.Millisecond, "user:1#2", `ready {"unread":0,"head":2}`)
	})
}
