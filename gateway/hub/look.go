package hub

import (
	"context"
	"slices"
	"time"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fleet"
	"github.com/bellhop/bellhop/gateway/hub/track"
)

// What is asked by operators, about a person, a channel and an event. It costs streams
// nothing but a wake: they say themselves how far they are.

// Load tells what the hub has to do.
func (h *Hub) Load() fleet.Load {
	l := fleet.Load{BusInDoubt: h.inDoubt(), Late: h.recall.late(), Channels: h.channels()}
	for v := range h.metrics.delivered {
		l.Handed += h.metrics.delivered[v].Load()
	}
	h.mu.Lock()
	l.Streams, l.Draining = len(h.streams), h.draining
	h.mu.Unlock()
	return l
}

// LookPerson tells of the streams of a person, given as the key of their inbox: at most
// fleet.MaxStreams that are open, and as many that have ended. It waits for streams that
// do not say how far they are until ctx ends.
func (h *Hub) LookPerson(ctx context.Context, user string) fleet.Person {
	var p fleet.Person
	p.Open = h.look(ctx, h.those(func(s *Stream) bool { return s.who.user == user }))
	p.Ended, p.Since = h.departed(func(e *ended) bool { return e.who.user == user })
	return p
}

// Online returns those of some people, given as the keys of their inboxes, who have a
// stream open here.
func (h *Hub) Online(people []string) (online []string) {
	asked := make(map[string]bool, len(people))
	for _, user := range people {
		asked[user] = true
	}
	h.those(func(s *Stream) bool {
		if user := s.who.user; user != "" && asked[user] {
			online = append(online, user)
			delete(asked, user)
		}
		return false
	})
	return online
}

// LookChannel tells how the hub holds a channel; false: it does not.
func (h *Hub) LookChannel(name event.Channel) (fleet.Channel, bool) {
	c := h.find(name)
	if c == nil {
		return fleet.Channel{}, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.Filled()
	return fleet.Channel{Listeners: len(c.subs), Head: at.Seq, Epoch: at.Epoch, Known: at.Epoch != ""}, true
}

// LookEvent tells what became of an event here, with at most fleet.MaxStreams streams of
// its channel that are open, and as many that have ended.
func (h *Hub) LookEvent(ctx context.Context, name event.Channel, seq uint64) fleet.Event {
	var e fleet.Event
	e.Channel, _ = h.LookChannel(name)
	var open []*Stream
	if c := h.find(name); c != nil {
		c.mu.Lock()
		for _, b := range c.subs[:min(len(c.subs), fleet.MaxStreams)] {
			open = append(open, b.stream)
		}
		c.mu.Unlock()
	}
	e.Open = h.look(ctx, open)
	if h.recall == nil {
		return e
	}
	since := h.recall.handings(name, seq, func(s *slot) {
		handed := fleet.Handed{Epoch: s.at.Epoch, Via: vias[s.via], Came: time.Unix(0, s.came), Streams: int(s.streams.Load())}
		if handed.Streams > 0 {
			first := time.Unix(0, s.first.Load())
			handed.First = &first
		}
		e.Handed = append(e.Handed, handed)
	})
	e.Since = &since
	e.Ended, _ = h.departed(func(d *ended) bool {
		return slices.ContainsFunc(d.places, func(p place) bool { return p.channel == name })
	})
	return e
}

var vias = [track.ViaCount]string{track.ViaBus: "bus", track.ViaFill: "fill", track.ViaReplay: "replay"}

// departed are the streams that have ended and are meant, the newest first.
func (h *Hub) departed(meant func(*ended) bool) (streams []fleet.Stream, since *time.Time) {
	if h.recall == nil {
		return nil, nil
	}
	gone, from := h.recall.departures(meant)
	for _, e := range gone {
		s := e.who.describe()
		s.Ended, s.Reason = &e.at, string(e.reason)
		h.place(&s, e.places)
		streams = append(streams, s)
	}
	return streams, &from
}

// look asks streams how far they are, and waits for them until ctx ends.
func (h *Hub) look(ctx context.Context, streams []*Stream) []fleet.Stream {
	streams = streams[:min(len(streams), fleet.MaxStreams)]
	answers := make([]chan []place, len(streams))
	for i, s := range streams {
		answers[i] = make(chan []place, 1)
		s.mu.Lock()
		if !s.closed {
			s.who.asked = answers[i]
		}
		s.mu.Unlock()
		s.wakeUp()
	}
	said := make([]fleet.Stream, len(streams))
	for i, s := range streams {
		said[i] = s.who.describe()
		select {
		case places := <-answers[i]:
			h.place(&said[i], places)
		case <-ctx.Done():
		}
	}
	return said
}

// place adds how far a stream is, and if it is open how far its channels are here.
func (h *Hub) place(s *fleet.Stream, places []place) {
	for _, p := range places {
		at := fleet.Place{Channel: p.channel, Seq: p.Seq, Epoch: p.Epoch}
		if s.Ended == nil {
			if c, held := h.LookChannel(p.channel); held && c.Epoch == p.Epoch {
				at.Head = c.Head
				at.Lag = max(c.Head, p.Seq) - p.Seq
			}
		}
		s.Places = append(s.Places, at)
	}
}

// describe tells who has a stream.
func (c *holder) describe() fleet.Stream {
	s := fleet.Stream{Person: c.user, Since: time.Unix(0, c.since), Agent: c.agent.Value(), Transport: "stream"}
	if c.poll {
		s.Transport = "poll"
	}
	if c.address.IsValid() {
		s.Address = c.address.String()
	}
	return s
}

// places is how far the stream has come. It is for those who may read its positions.
func (s *Stream) places() []place {
	places := make([]place, 0, len(s.subs))
	for i := range s.subs {
		if b := &s.subs[i]; b.ch != nil {
			places = append(places, place{b.ch.Name(), b.At()})
		}
	}
	return places
}

// Behind is how many events of its channels the stream has not been given. It is for the
// goroutine that calls the conn.Source methods, before Close.
func (s *Stream) Behind() (events uint64) {
	for i := range s.subs {
		b := &s.subs[i]
		at, named := b.Shown()
		if b.ch == nil || !named {
			continue
		}
		b.ch.mu.Lock()
		if head := b.ch.Filled(); head.Epoch == at.Epoch && head.Seq > at.Seq {
			events += head.Seq - at.Seq
		}
		b.ch.mu.Unlock()
	}
	return events
}
