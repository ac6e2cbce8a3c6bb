package notifier

import (
	"fmt"
	"slices"
	"time"

	"github.com/bellhop/bellhop/fleet"
)

// outcomeKind is the short answer to the question whether an event arrived.
type outcomeKind string

// Outcomes.
const (
	neverAccepted outcomeKind = "never_accepted"
	wasRead       outcomeKind = "read"
	handedOver    outcomeKind = "handed_over"
	isGone        outcomeKind = "gone"
	passedOver    outcomeKind = "passed_over"
	streamBehind  outcomeKind = "behind"
	streamEnded   outcomeKind = "stream_ended"
	noStream      outcomeKind = "no_stream"
	notKnown      outcomeKind = "unknown"
)

// judge tells what became of the event, and why. What is certain comes first; what a
// process knows that did not answer, or does not remember, is not guessed.
func (s *shownStory) judge() (outcome outcomeKind, why string) {
	switch {
	case s.Seq <= s.Head:
	case s.Stale:
		return notKnown, fmt.Sprintf("The database's primary is away, and the replica that answers has events up to %d.", s.Head)
	case len(s.Accepted) > 0:
		return isGone, fmt.Sprintf("It was accepted at %s, in an earlier epoch of the log.", clock(s.Accepted[0].Accepted.Accepted))
	default:
		return neverAccepted, fmt.Sprintf("No such event was accepted: the newest of the channel is %d.", s.Head)
	}
	if s.Read != nil && *s.Read {
		return wasRead, "It was marked as read" + s.where() + "."
	}
	streams, first, gateway := s.handings()
	if streams > 0 {
		return handedOver, fmt.Sprintf("It was handed over to %s, by %s at %s.", counted(streams, "stream"), gateway, clock(first))
	}
	if s.Event == nil {
		if s.Seq <= s.Floor {
			return isGone, "Retention has removed it. It is not known to have been handed over before."
		}
		return isGone, "It was deleted or has expired, and is not known to have been handed over."
	}
	if gap := s.gap(); gap != "" {
		return notKnown, gap
	}
	return s.missed()
}

// missed tells why an event that is there was handed to nobody, as all know who were asked.
func (s *shownStory) missed() (outcomeKind, string) {
	behind, past := 0, 0
	var lost *heldStream // the last that ended without it
	for _, st := range slices.Concat(s.Streams, s.Ended) {
		ended := st.Ended != nil
		for _, p := range st.Places {
			switch {
			case p.Channel != s.Channel || p.Epoch != s.Epoch && (p.Epoch != "" || !ended):
			case p.Seq >= s.Seq:
				past++
			case !ended:
				behind++
			case lost == nil || st.Ended.After(*lost.Ended):
				lost = &st
			}
		}
	}
	switch conflates := s.Policy != nil && s.Policy.Conflate; {
	case conflates && past > 0:
		return passedOver, fmt.Sprintf("The namespace conflates: a newer event of the same type was sent in its place to %s.", counted(past, "stream"))
	case behind > 0:
		return streamBehind, counted(behind, "open stream") + " of the channel did not take it yet. The client gets it when it reads."
	case lost != nil:
		return streamEnded, fmt.Sprintf("The last stream ended at %s (%s) at %s before the event was handed over, and none was opened for it since.",
			clock(*lost.Ended), lost.Reason, lost.Gateway)
	default:
		return noStream, "No stream of the channel was open when it came, and none was opened for it since. It waits in the log."
	}
}

// where tells at which gateway the event was read, and from where.
func (s *shownStory) where() string {
	if len(s.Reads) == 0 {
		return ", the time is not remembered"
	}
	r := s.Reads[0]
	from := ""
	if r.Address != "" {
		from = " from " + r.Address
	}
	return fmt.Sprintf(" at %s, by a request%s to %s", clock(r.At), from, r.Gateway)
}

// handings counts streams in the event's epoch; the first of the gateways that handed it over.
func (s *shownStory) handings() (streams int, first time.Time, gateway string) {
	for _, h := range s.Handed {
		if h.Streams == 0 || h.Epoch != s.Epoch {
			continue
		}
		streams += h.Streams
		if gateway == "" || h.Came.Before(first) {
			first, gateway = h.Came, h.Gateway
		}
	}
	return streams, first, gateway
}

// gap says what keeps the question open; empty: nothing does.
func (s *shownStory) gap() string {
	if len(s.Silent) > 0 {
		return "It is not known to have been handed over, but not all processes answered: see silent."
	}
	for _, l := range s.Left {
		if l.At.After(s.Event.Time) {
			return fmt.Sprintf("It is not known to have been handed over; %s, which stopped at %s, may have done so.", l.Gateway, clock(l.At))
		}
	}
	for _, m := range s.Memory {
		switch {
		case m.Role == fleet.RoleNotifier:
		case m.Since == nil:
			return "It is not known to have been handed over: " + m.Process + " remembers nothing (--remember)."
		case s.Event.Time.Before(*m.Since):
			return fmt.Sprintf("It is older than what %s remembers, which begins at %s.", m.Process, clock(*m.Since))
		}
	}
	return ""
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func clock(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
