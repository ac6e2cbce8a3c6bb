package hub

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bellhop/bellhop/gateway/conn"
	"github.com/bellhop/bellhop/gateway/poll"
)

// way is how a response reaches a person of the model.
type way struct {
	poll bool // it ends once it has said something, and its stream waits for the next one
	held bool // somebody in between keeps it back until it has ended
}

// way draws one. In the end nobody stays behind a stream that is kept back for ever.
func (m *model) way() way {
	if m.chance(50) {
		return way{poll: true, held: m.chance(60)}
	}
	return way{held: !m.calm.Load() && m.chance(20)}
}

// carry opens what a person reads from at a gateway, by the way that it takes.
func (m *model) carry(g *gate, p *person, req Request) (conn.Source, error) {
	if req.Poll = p.poll; !req.Poll {
		return g.hub.Open(req)
	}
	key := poll.Key{User: p.name, At: req.CursorOf()}
	wait := []time.Duration{time.Second, 5 * time.Second, 25 * time.Second}[m.rng.IntN(3)]
	return g.polls.Open(key, wait, func() {}, func() (poll.Stream, error) {
		s, err := g.hub.Open(req)
		if err != nil || m.carrier == nil {
			return s, err
		}
		return m.carrier(s), nil
	})
}

// tellSome tells any stream of a gateway that it has to end, also one that waits for
// its next poll.
func (m *model) tellSome(g *gate, how last) {
	g.hub.mu.Lock()
	streams := slices.Clone(g.hub.streams)
	g.hub.mu.Unlock()
	if len(streams) > 0 {
		streams[m.rng.IntN(len(streams))].tell(how)
	}
}

// TestModelFindsBrokenPolls takes away what keeps polls together, one rule at a time.
func TestModelFindsBrokenPolls(t *testing.T) {
	for name, carrier := range map[string]func(*Stream) poll.Stream{
		"a stream waits under the cursor that its poll began with": func(s *Stream) poll.Stream {
			return &firstCursor{Stream: s, at: s.opening.req.CursorOf()}
		},
		"channels are not held between two polls": func(s *Stream) poll.Stream { return deafBetween{s} },
	} {
		t.Run(name, func(t *testing.T) {
			const most = 200
			for seed := range most {
				found := false
				synctest.Test(t, func(t *testing.T) {
					m := newModel(t, uint64(2000+seed), func(*Config) {})
					m.carrier = carrier
					m.run(350)
					found = len(m.settle()) > 0
				})
				if found {
					t.Logf("noticed in run %d", seed+1)
					return
				}
			}
			t.Fatalf("%d runs, and nothing was noticed", most)
		})
	}
}

// firstCursor says at the end of a poll what the client knew before it. So a client
// that never got the poll finds a stream that has gone on without it.
type firstCursor struct {
	*Stream

	at string
}

func (s *firstCursor) Greet() {
	s.at = s.Stream.Cursor()
	s.Stream.Greet()
}

func (s *firstCursor) Cursor() string { return s.at }

// deafBetween misses what comes between two polls.
type deafBetween struct{ *Stream }

func (s deafBetween) Greet() {
	for {
		if bufs, end := s.Next(nil, 1<<20); end || len(bufs) == 0 {
			break
		}
	}
	s.Stream.Greet()
}
