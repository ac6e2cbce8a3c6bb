package track

import (
	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

// What clients hear of their inbox besides its events is how many are unread, at which
// head, and what a change made read. Such notes come by the bus and again by the tail,
// each in its own order, and heads that are read for joiners say the same. The channel
// sorts them by its version, so that an older state never follows a newer one; a
// listener that has not told its client of a note yet forgets it for the next.

// Count is the newest that is known of a channel's version, and of the unread count then.
type Count struct {
	Version      uint64 // of the channel; 0: nothing is known
	Head, Unread uint64
}

// Note is a note of an epoch. It is shared: never write to one.
type Note struct {
	*event.Note

	Epoch event.Epoch
}

// state is the note without what changed.
func state(n *event.Note) *event.Note {
	return &event.Note{Version: n.Version, Head: n.Head, Unread: n.Unread}
}

// leadsTo tells whether the events since, all of them unread, and what a note says of
// its change explain the note's count. If not, a note before it was missed.
func (t Count) leadsTo(n *event.Note) bool {
	before, seqs := t.Unread+(n.Head-t.Head), uint64(len(n.Seqs))
	switch {
	case t.Version == 0 || n.Kind == event.NoteOther:
		return true
	case n.Kind == event.NoteSeen:
		return n.Unread == before
	case n.UpTo > 0:
		return n.Unread <= before
	case n.Kind == event.NoteUnread:
		return n.Unread == before+seqs
	case n.Kind == event.NoteRemoved, n.Kind == event.NoteArchived, n.Kind == event.NoteRenewed: // read ones may be among them
		return n.Unread <= before && n.Unread+seqs >= before
	default:
		return n.Unread+seqs == before
	}
}

// noted takes a note of the channel's epoch.
func (c *Channel) noted(n *event.Note, fx *Effects) {
	if n == nil || n.Version <= c.count.Version {
		return
	}
	if !c.count.leadsTo(n) {
		// What was missed comes by the tail, and then is older than what is known.
		// So clients hear of the state alone, and fetch their lists anew.
		n = state(n)
	}
	c.count = Count{Version: n.Version, Head: n.Head, Unread: n.Unread}
	fx.Do |= TellNote
	fx.Note = Note{n, c.filled.Epoch}
}

// counted takes what the primary says of the channel, in its epoch. Clients count
// events by themselves, so they hear of it only if more happened than events were
// appended: of that a note was missed, or is still under way and will be too old.
func (c *Channel) counted(head *store.Head, fx *Effects) {
	if head.Version <= c.count.Version {
		return
	}
	if c.name.Namespace() == event.InboxNamespace && !c.count.growsTo(head) {
		c.noted(&event.Note{Version: head.Version, Head: head.Seq, Unread: head.Unread}, fx)
		return
	}
	c.count = Count{Version: head.Version, Head: head.Seq, Unread: head.Unread}
}

// growsTo tells whether events that were appended since explain a newer state. They
// come one or more to a version.
func (t Count) growsTo(head *store.Head) bool {
	appended := head.Seq - t.Head
	return t.Version == 0 || head.Version-t.Version <= appended && head.Unread == t.Unread+appended
}

// Inbox is what a stream has heard of the unread count of its inbox and not said yet.
type Inbox struct {
	Count

	epoch event.Epoch
}

// CountTo has the count hold at the listener's position: what was appended since is
// unread, as its client counts. Where that is wrong a note says so, later or before.
func (l *Listener) CountTo(o *Inbox) {
	if l.placed && l.pos.Epoch == o.epoch && l.pos.Seq > o.Head {
		o.Unread += l.pos.Seq - o.Head
		o.Head = l.pos.Seq
	}
}

// hear notes a count, unless a newer one of its epoch is known.
func (o *Inbox) hear(epoch event.Epoch, c Count) {
	if o == nil || epoch == o.epoch && c.Version < o.Version {
		return
	}
	o.epoch, o.Count = epoch, c
}
