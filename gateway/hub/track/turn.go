package track

import "github.com/bellhop/bellhop/event"

// Mail is what others have to say to a listener. Its owner guards it.
type Mail struct {
	Verdict   *Verdict // what the listener waits for
	Confirmed *Verdict // the primary vouches for what only a replica did
	Page      *Page    // with Answered; nil: look again
	Answered  bool     // the request for a page was
	Away      bool     // the kept log is away
	note      Note     // the newest that was not read
}

// AddNote adds a note. If one is waiting, only the newer state goes on, without what
// either changed.
func (m *Mail) AddNote(n Note) {
	if m.note.Note != nil {
		n.Note = state(n.Note)
	}
	m.note = n
}

// Take reads the mail. inbox hears of the unread count; nil: it is not wanted, or this is
// no inbox. told is a note that the client is to hear of, and keep one that has to wait
// until the listener's position is resolved.
func (l *Listener) Take(m *Mail, rules *Rules, inbox *Inbox) (told *event.Note, keep *Mail) {
	switch v := m.Verdict; {
	case v != nil:
		l.place(v, rules)
		inbox.hear(v.Epoch, v.count())
	case m.Away && !l.placed:
		l.away, l.named = true, true
	}
	if v := m.Confirmed; v != nil && l.state != waiting {
		l.stale = false
		inbox.hear(v.Epoch, v.count())
	}
	if m.Answered && l.state == fetching {
		l.state, l.page = following, m.Page
	}
	switch n := m.note; {
	case n.Note == nil:
	case l.state == waiting:
		return nil, &Mail{note: n}
	case n.Epoch == l.pos.Epoch: // else it is of another life
		inbox.hear(n.Epoch, Count{Version: n.Version, Head: n.Head, Unread: n.Unread})
		return n.Note, nil
	}
	return nil, nil
}

func (v *Verdict) count() Count {
	return Count{Version: v.Head.Version, Head: v.Head.Seq, Unread: v.Head.Unread}
}

// Turn is what a listener does next.
type Turn uint8

// Turns.
const (
	Rest       Turn = iota // wait for mail
	WriteReset             // write what TakeReset returns
	WritePage              // write what Page returns
	ReadRing               // look at the channel, by Channel.Read
)

// Next is what the listener does next.
func (l *Listener) Next(rules *Rules) Turn {
	if l.state != following {
		return Rest
	}
	if l.page != nil && l.reset == nil {
		l.trim(l.page.Floor, rules)
	}
	switch {
	case l.reset != nil:
		return WriteReset
	case l.page != nil:
		return WritePage
	}
	return ReadRing
}

// TakeReset returns the reset that is to be written. The client resumes from its id.
// After a Final one it has to reconnect: on this connection seqs would come twice.
func (l *Listener) TakeReset() *Reset {
	r := l.reset
	l.reset, l.brought = nil, nil
	return r
}

// Hand takes an entry that comes next, in order; write tells whether the client is to
// get it. Entries that it had are passed over, and those that were deleted. skipped is how
// many were left out before it.
func (l *Listener) Hand(e *Entry) (write bool, skipped int) {
	if e.Seq <= l.pos.Seq {
		return false, 0
	}
	skipped = int(e.Seq - l.pos.Seq - 1)
	l.pos.Seq = e.Seq
	if e.Block == nil {
		l.passed()
		return false, skipped
	}
	l.brought = nil
	return true, skipped
}

// passed: the position went over events that are not there any more. Ids follow it, but
// for a client that asked for everything: it is to ask for that again until it got
// something.
func (l *Listener) passed() {
	if l.brought != nil && l.brought.Epoch != "" {
		l.brought = nil
	}
}

// Page returns the entries of the page that are to be written, of about budget bytes.
// Once they are, PageWritten says so.
func (l *Listener) Page(budget int) []Entry {
	p := l.page
	n := 0
	for size := 0; n < len(p.entries) && size < budget; n++ {
		size += len(p.entries[n].Block)
	}
	first := p.entries[:n]
	p.entries = p.entries[n:]
	return first
}

// PageWritten moves the listener to the end of the page, unless there is more in it.
func (l *Listener) PageWritten() {
	p := l.page
	if len(p.entries) > 0 {
		return
	}
	// What lies between the last event and the end of the page was deleted.
	if p.last > l.pos.Seq {
		l.pos.Seq = p.last
		l.passed()
	}
	l.page = nil
}

// Fetch notes that a page is asked for, because Read said that the listener is Behind. It
// returns the position that the page is to follow.
func (l *Listener) Fetch() event.Position {
	l.state = fetching
	return l.pos
}
