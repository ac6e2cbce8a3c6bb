package hub

import (
	"strconv"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

// What clients hear of their inbox besides its events is how many are unread, at
// which head, and what a change made read. Such notes come by the bus and again
// by the tail, each in its own order, and heads that are read for joiners say the
// same. The channel sorts them by its version, so that an older state never
// follows a newer one; a stream that has not told its client of a note yet
// forgets it for the next.

// tally is the newest that a channel knows of its version, and of the unread count
// then, in at's epoch.
type tally struct {
	version      uint64 // of the channel; 0: nothing is known
	head, unread uint64
}

// leadsTo tells whether the events since, all of them unread, and what a note says
// of its change explain the note's count. If not, a note before it was missed.
func (t tally) leadsTo(n *event.Note) bool {
	before, seqs := t.unread+(n.Head-t.head), uint64(len(n.Seqs))
	switch {
	case t.version == 0 || n.Kind == event.NoteOther:
		return true
	case n.UpTo > 0:
		return n.Unread <= before
	case n.Kind == event.NoteUnread:
		return n.Unread == before+seqs
	case n.Kind == event.NoteRemoved: // read ones may be among them
		return n.Unread <= before && n.Unread+seqs >= before
	default:
		return n.Unread+seqs == before
	}
}

// noted takes a note of the channel's epoch.
func (c *channel) noted(n *event.Note) {
	if n == nil || n.Version <= c.tally.version {
		return
	}
	if !c.tally.leadsTo(n) {
		// What was missed comes by the tail, and then is older than what is
		// known. So clients hear of the state alone, and fetch their lists anew.
		n = &event.Note{Version: n.Version, Head: n.Head, Unread: n.Unread}
	}
	c.tally = tally{version: n.Version, head: n.Head, unread: n.Unread}
	for _, b := range c.subs {
		if b.isInbox() {
			b.stream.note(b, note{n, c.at.Epoch})
		}
	}
}

// counted takes what the primary says of the channel, in its epoch. Clients count
// events by themselves, so they hear of it only if more happened than events were
// appended: of that a note was missed, or is still under way and will be too old.
func (c *channel) counted(head store.Head) {
	if head.Version <= c.tally.version {
		return
	}
	if c.name.Namespace() == event.InboxNamespace && !c.tally.growsTo(head) {
		c.noted(&event.Note{Version: head.Version, Head: head.Seq, Unread: head.Unread})
		return
	}
	c.tally = tally{version: head.Version, head: head.Seq, unread: head.Unread}
}

// growsTo tells whether events that were appended since explain a newer state. They
// come one or more to a version.
func (t tally) growsTo(head store.Head) bool {
	appended := head.Seq - t.head
	return t.version == 0 || head.Version-t.version <= appended && head.Unread == t.unread+appended
}

// settleNote judges the note that was heard before the position was known.
func (c *channel) settleNote() {
	r := c.recent
	if r == nil || r.earlyNote.Note == nil {
		return
	}
	if r.earlyNote.epoch == c.at.Epoch {
		c.noted(r.earlyNote.Note)
	}
	r.earlyNote = note{}
}

// note is a note on its way to a client.
type note struct {
	*event.Note
	epoch event.Epoch
}

// isInbox tells whether this is the inbox of the person whose stream it is.
func (b *sub) isInbox() bool { return b.stream.inbox && b == &b.stream.subs[0] }

// note hands a listener a note. If one is waiting, only the newer state goes on,
// without what either changed.
func (s *Stream) note(b *sub, n note) {
	s.post(b, func(m *mail) {
		if m.note.Note != nil {
			n.Note = &event.Note{Version: n.Version, Head: n.Head, Unread: n.Unread}
		}
		m.note = n
	})
}

// hear takes a note, and tells whether it is one of the listener's life. While that
// is being judged the note waits, with Stream.mu held.
func (b *sub) hear(n note) bool {
	if b.state == waiting {
		b.mail = &mail{note: n}
		return false
	}
	if n.epoch != b.pos.Epoch {
		return false
	}
	b.stream.opening.count(n.epoch, n.Version, n.Head, n.Unread)
	return true
}

// count notes how many events are unread, for bellhop.ready.
func (o *opening) count(epoch event.Epoch, version, head, unread uint64) {
	if o == nil || epoch == o.epoch && version < o.version {
		return
	}
	o.epoch, o.version, o.unread, o.unreadAt = epoch, version, unread, head
}

// read says how the inbox was changed, in this stream or another one.
func (w *writer) read(n *event.Note) {
	b := append(w.blank(), `event: bellhop.read`+"\n"+`data: {"change":"`...)
	b = append(b, changes[n.Kind]...)
	b = append(b, `","up_to":`...)
	b = appendSeq(b, n.UpTo)
	b = append(b, `,"seqs":`...)
	if n.Seqs == nil {
		b = append(b, "null"...)
	} else {
		for i, seq := range n.Seqs {
			b = append(b, "[,"[min(i, 1)])
			b = strconv.AppendUint(b, seq, 10)
		}
		b = append(b, ']')
	}
	b = append(b, `,"unread":`...)
	b = strconv.AppendUint(b, n.Unread, 10)
	b = append(b, `,"head":`...)
	b = strconv.AppendUint(b, n.Head, 10)
	w.own(w.endBlock(append(b, "}\n"...)))
}

// changes are the names of kinds of notes.
var changes = [...]string{
	event.NoteOther: "other", event.NoteRead: "read", event.NoteUnread: "unread",
	event.NoteRemoved: "removed", event.NoteReplaced: "replaced",
}
