package track

import (
	"flag"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

var depth = flag.Int("track.depth", 3, "how many steps of a channel are tried in every order")

// TestEveryOrderOfEvents tries all that may happen to a channel of the database, to one
// with an epoch of its own and to one that conflates, in every order: appends and
// deletions, messages that come in any order or never, a fail-over that loses an event,
// answers of the demoted server and of a replica that lags, clients that join with and
// without a position and leave, a bus in doubt. After each step the invariants hold; and
// from each state, once faults end, every client gets to the end of the log, having
// passed over nothing in silence and nothing twice.
func TestEveryOrderOfEvents(t *testing.T) {
	t.Parallel()
	for name, rules := range map[string]Rules{
		"database": {}, "own epoch": {Kept: true}, "conflated": {Kept: true, Conflate: true, JoinLatest: true}, "latest": {JoinLatest: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seen := map[string]bool{}
			var now []*world
			for _, begin := range beginnings {
				w := newWorld(t, rules, 2)
				for _, name := range begin {
					i := slices.IndexFunc(moves, func(m move) bool { return m.name == name })
					if moves[i].do(w) {
						w.trace += " " + name
					}
				}
				now = append(now, w)
			}
			for range *depth {
				var next []*world
				for _, w := range now {
					for i := range moves {
						n := w.clone()
						if !moves[i].do(n) {
							continue
						}
						n.trace += " " + moves[i].name
						n.invariants()
						if k := n.key(); !seen[k] {
							seen[k] = true
							n.clone().settle()
							next = append(next, n)
						}
					}
				}
				now = next
			}
			t.Log(len(seen), "states")
			require.Greater(t, len(seen), 1000)
		})
	}
}

// beginnings are how far a world has come before everything is tried.
var beginnings = [][]string{
	nil,
	{"append", "join", "acknowledge", "ask", "answer", "read"}, // one is live
	{"append", "join", "acknowledge", "ask", "answer", "read", "lose a message", "append", "append", "last message", "gap due", "begin to fill"},
	{"append", "append", "lose a message", "lose a message", "join at 1", "acknowledge", "ask", "answer", "read too", "fail over"},
	{"append", "append", "join", "acknowledge", "ask", "answer", "read", "fail over", "append", "last message", "ask", "answer"},
	{"append", "join", "acknowledge", "ask", "answer", "read", "lose a message", "mark as read", "mark as read"},
	{"append", "join", "acknowledge", "leave", "sweep"},
}

// move is something that may happen; false: not now.
type move struct {
	name string
	do   func(w *world) bool
}

var moves = []move{
	{"append", func(w *world) bool { return w.log().head < 3 && w.append() }},
	{"delete", func(w *world) bool { return w.log().head > 0 && len(w.log().deleted) == 0 && w.delete(w.log().head) }},
	{"mark as read", func(w *world) bool {
		l := w.log()
		l.version++
		l.note = &event.Note{Version: l.version, Head: l.head, Kind: event.NoteRead, UpTo: l.head}
		w.bus = append(w.bus, message{p: event.Position{Epoch: l.epoch, Seq: l.head}, note: l.note})
		return l.version < 5
	}},
	{"first message", func(w *world) bool { return w.deliver(0) }},
	{"last message", func(w *world) bool { return len(w.bus) > 1 && w.deliver(len(w.bus)-1) }},
	{"lose a message", func(w *world) bool {
		lost := len(w.bus) > 0
		if lost {
			w.bus = w.bus[1:]
		}
		return lost
	}},
	{"fail over", func(w *world) bool {
		if len(w.lives) > 1 || w.log().head == 0 {
			return false
		}
		w.lives = append(w.lives, life{epoch: "e2", head: w.log().head - 1, version: w.log().version})
		return true
	}},
	{"ask", func(w *world) bool {
		ask := w.asked == nil && w.want&(Ask|AskFresh) != 0
		if ask {
			w.start(w.want&AskFresh != 0, false, w.log(), 0)
		}
		return ask
	}},
	{"ask the demoted server", func(w *world) bool {
		ask := w.asked == nil && w.want&(Ask|AskFresh) == Ask && len(w.lives) > 1
		if ask {
			w.start(false, false, &w.lives[0], 0)
		}
		return ask && (w.asked == nil || !w.asked.a.Fresh)
	}},
	{"ask a replica", func(w *world) bool {
		ask := w.asked == nil && w.want&(Ask|AskFresh) != 0 && w.log().head > 0 && !w.rules.Kept
		if ask {
			w.start(w.want&AskFresh != 0, true, w.log(), 1)
		}
		return ask
	}},
	{"answer", func(w *world) bool {
		answer := w.asked != nil
		if answer {
			w.answer()
		}
		return answer
	}},
	{"begin to fill", func(w *world) bool { return w.fill == nil && w.want&Fill != 0 && w.beginFill() }},
	{"fill", func(w *world) bool { return w.fill != nil && w.endFill() }},
	{"gap due", func(w *world) bool {
		due := w.timer
		if w.timer = false; due {
			w.do(w.c.GapDue())
		}
		return due
	}},
	{"acknowledge", (*world).acknowledge},
	{"late acknowledgement", func(w *world) bool {
		late := w.unacked == Unsubscribe
		if late {
			w.do(w.c.Subscribed())
		}
		return late
	}},
	{"doubt", func(w *world) bool { w.doubt = !w.doubt; return w.doubt }},
	{"tail", func(w *world) bool {
		w.do(w.c.Changed(w.log().epoch, &store.Change{Head: w.log().head, Rewrite: len(w.log().deleted) > 0, Note: w.log().note}, w.at()))
		for seq := range w.log().deleted {
			w.heard[event.Position{Epoch: w.log().epoch, Seq: seq}] = true
		}
		return true
	}},
	{"join", func(w *world) bool { return w.join(0, nil) }},
	{"join at 1", func(w *world) bool { return w.join(1, &event.Position{Epoch: "e1", Seq: 1}) }},
	{"join for all", func(w *world) bool { return w.join(1, &event.Position{}) }},
	{"leave", func(w *world) bool { return w.leave(w.clients[0]) }},
	{"sweep", func(w *world) bool {
		fx := w.c.Sweep(w.limits.RingAge, w.at())
		w.do(fx)
		return fx.Has(Unsubscribe)
	}},
	{"read", func(w *world) bool { return w.look(w.clients[0]) }},
	{"read too", func(w *world) bool { return w.look(w.clients[1]) }},
}

func (w *world) append() bool {
	l := w.log()
	l.head++
	l.version++
	l.note = nil
	w.bus = append(w.bus, message{p: event.Position{Epoch: l.epoch, Seq: l.head}, frame: true})
	return true
}

func (w *world) delete(seq uint64) bool {
	l := w.log()
	l.version++
	l.deleted = map[uint64]bool{seq: true}
	w.bus = append(w.bus, message{p: event.Position{Epoch: l.epoch, Seq: l.head}})
	return true
}

func (w *world) deliver(i int) bool {
	if i >= len(w.bus) {
		return false
	}
	m := w.bus[i]
	w.bus = slices.Delete(slices.Clone(w.bus), i, i+1)
	if w.c.link == unlinked {
		return true // nobody hears it
	}
	var f event.Frame
	if m.frame {
		f = event.NewFrame(new((&life{epoch: m.p.Epoch}).event(m.p.Seq)))
	} else if m.note == nil {
		for i := range w.lives {
			for seq := range w.lives[i].deleted {
				w.heard[event.Position{Epoch: m.p.Epoch, Seq: seq}] = w.lives[i].epoch == m.p.Epoch
			}
		}
	}
	w.do(w.c.Message(m.p, f, m.note, w.at()))
	return true
}

func (w *world) beginFill() bool {
	w.want &^= Fill
	r := store.Range{Channel: "user:1", Limit: 256}
	if w.c.Want(true, &r) {
		w.fill = &fill{r, w.page(&r)}
	}
	return true
}

func (w *world) endFill() bool {
	f := w.fill
	w.fill = nil
	w.do(w.c.FillDone(event.Position{Epoch: f.r.Epoch, Seq: f.r.After}, &f.p, w.at()))
	return true
}

func (w *world) acknowledge() bool {
	op := w.unacked
	w.unacked = 0
	if op == 0 {
		return false
	}
	if op == Subscribe {
		w.do(w.c.Subscribed())
	} else {
		fx := w.c.Unsubscribed()
		if w.do(fx); fx.Has(Drop) {
			w.c = NewChannel("user:1", w.rules)
			w.c.idle = 1
		}
	}
	return true
}

func (w *world) join(i int, at *event.Position) bool {
	if w.clients[i].on {
		return false
	}
	m := &member{on: true}
	m.l.ReplayReset = true // so that what is skipped unsaid shows
	w.clients[i] = m
	if at != nil {
		m.l.Bring(*at)
		m.epoch = at.Epoch
		m.ahead = at.Epoch == "" || at.Epoch == w.log().epoch && at.Seq > w.log().head
	}
	fx, _ := w.c.Join(&m.l, w.at())
	w.do(fx)
	return true
}

func (w *world) leave(m *member) bool {
	if !m.on {
		return false
	}
	m.on, m.l.Index, m.mail, m.fetch = false, -1, nil, nil
	if !slices.ContainsFunc(w.clients, func(m *member) bool { return m.on }) {
		w.c.Leave(w.at())
	}
	return true
}

// look lets a client read, or answers its request for a page.
func (w *world) look(m *member) bool {
	if !m.on {
		return false
	}
	if r := m.fetch; r != nil {
		m.fetch = nil
		w.c.Want(false, r)
		p := w.page(r)
		ask, retry := Useful(r, &p)
		if ask {
			w.want |= AskFresh
		}
		m.post().Answered = true
		if !retry {
			m.post().Page = Cut(r, &p, w.c.Replay(&p, new(Limits)), event.Position{Epoch: r.Epoch, Seq: r.After})
		}
	}
	w.read(m)
	return true
}

// settle ends all faults. What was lost on the bus stays lost, the tail or a look at the
// heads tells of it; then everybody is at the end.
func (w *world) settle() {
	w.trace += " | settle"
	w.doubt, w.bus = false, nil
	for n := 0; n < 60 && (n < 3 || !w.done()); n++ {
		for range 2 { // who gave the channel up may subscribe again
			w.acknowledge()
		}
		if w.rules.Kept {
			if w.c.Askable(w.at()) {
				w.want |= AskFresh
			}
		} else if w.want |= w.c.Changed(w.log().epoch, &store.Change{Head: w.log().head}, w.at()).Do & (Ask | AskFresh); w.epoch.Now() != w.log().epoch {
			w.want |= AskFresh
		}
		w.timer = w.timer || w.c.gap == gapWatched
		for _, i := range calm {
			moves[i].do(w)
			w.invariants()
		}
	}
	for i, m := range w.clients {
		w.check(w.arrived(m), fmt.Sprintf("client %d gets to the end, not to %v, and nothing is left to be said", i, m.l.pos))
	}
}

// calm is what goes on when there are no faults.
var calm = func() (of []int) {
	for i := range moves {
		if slices.Contains([]string{"ask", "answer", "gap due", "begin to fill", "fill", "read", "read too"}, moves[i].name) {
			of = append(of, i)
		}
	}
	return of
}()

func (w *world) arrived(m *member) bool {
	end := event.Position{Epoch: w.log().epoch, Seq: w.log().head}
	return !m.on || m.l.pos == end && m.l.reset == nil && m.l.page == nil && m.mail == nil
}

func (w *world) done() bool {
	return w.arrived(w.clients[0]) && w.arrived(w.clients[1]) && w.asked == nil && w.fill == nil
}
