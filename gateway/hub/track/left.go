package track

import "github.com/bellhop/bellhop/event"

// Left is how many events retention has yet to take before the listener loses one, as the
// mail tells that it is about to take; 0: it has lost some. It is known of who came back or
// fell behind, and has not had all. It is not known where retention has taken nothing yet,
// nor where events may be skipped.
func (l *Listener) Left(m *Mail, rules *Rules) (events uint64, known bool) {
	var at event.Position
	var floor uint64
	switch v := m.Verdict; {
	case rules.Conflate:
		return 0, false
	case v != nil:
		if l.claim == nil || !v.covers(l.claim.At) || l.claim.At.Seq >= v.Head.Seq {
			return 0, false
		}
		at, floor = l.claim.At, v.Head.Floor
	case m.Page != nil && l.state == fetching && l.pos.Seq >= l.reach: // else the verdict told already
		at, floor = l.pos, m.Page.Floor
	}
	switch {
	case floor == 0:
		return 0, false
	case at.Seq < floor:
		return 0, true
	}
	return at.Seq - floor + 1, true
}
