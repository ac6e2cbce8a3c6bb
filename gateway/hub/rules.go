package hub

import "time"

// Rules say how the channels of a namespace are followed. The zero value is a
// channel of the database whose listeners get every event, from the moment of
// their join on.
type Rules struct {
	// Kept: the channels are in Config.Kept, not in the database.
	Kept bool
	// JoinLatest hands a listener that brings no position the newest event (with
	// Conflate: the newest of each type) before its bellhop.ready. Nothing stands
	// in for a newest event that was deleted or has expired.
	JoinLatest bool
	// Conflate lets a listener that is behind skip to the newest event of each
	// type. What it gets is in the order of the channel, and the last value
	// always arrives.
	Conflate bool
	// MaxRate is how many times a second the listeners of a channel are given
	// what is new; zero: every time. It needs Conflate.
	MaxRate int
}

// manner is how a channel is followed whose listeners do not simply get all that
// is new. Most channels do without one.
type manner struct {
	conflate, joinLatest bool
	tempo                *tempo // nil: no limit

	// Of a conflated channel, guarded by channel.mu: when its ring was begun, in
	// nanoseconds since 1970, and whether it was dropped, so that the log has
	// more than is in it.
	begun   int64
	dropped bool
}

// manner is what a channel under these rules needs.
func (r Rules) manner() *manner {
	if !r.Conflate && !r.JoinLatest {
		return nil
	}
	m := &manner{conflate: r.Conflate, joinLatest: r.JoinLatest}
	if r.Conflate && r.MaxRate > 0 {
		m.tempo = &tempo{period: time.Second / time.Duration(r.MaxRate)}
	}
	return m
}

// conflates tells whether listeners that are behind skip to the newest of each type.
func (c *channel) conflates() bool { return c.manner != nil && c.manner.conflate }

// joinsLatest tells whether who comes without a position is given the newest event.
func (c *channel) joinsLatest() bool { return c.manner != nil && c.manner.joinLatest }

// tempo is the limit to how often listeners are given what is new; nil: none.
func (c *channel) tempo() *tempo {
	if c.manner == nil {
		return nil
	}
	return c.manner.tempo
}
