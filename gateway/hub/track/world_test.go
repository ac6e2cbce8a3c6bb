package track

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

// world is a log of one channel, a bus, a Channel and clients of it, small enough that
// all that may happen to it can be tried.
type world struct {
	t       *testing.T
	rules   *Rules
	limits  *Limits
	lives   []life // of the log; the last one is the primary's, another one that of a demoted server
	epoch   LogEpoch
	c       Channel
	clients []*member
	bus     []message
	want    Do   // of Ask, AskFresh and Fill
	unacked Do   // of Subscribe and Unsubscribe
	timer   bool // WatchGap
	doubt   bool
	asked   *asked
	fill    *fill
	latest  event.Epoch             // that the channel was in
	heard   map[event.Position]bool // deletions that the channel heard of
	trace   string
}

type life struct {
	epoch   event.Epoch
	head    uint64
	version uint64
	note    *event.Note // of the newest version, if that is no append
	deleted map[uint64]bool
}

type message struct {
	p     event.Position
	frame bool
	note  *event.Note
}

// asked is a question that is under way, with its answer.
type asked struct {
	Question

	a      Answer
	before event.Epoch
}

// fill is a fill that is under way, with its page.
type fill struct {
	r store.Range
	p store.Page
}

// member is a client, and what it got.
type member struct {
	l     Listener
	mail  *Mail
	on    bool
	ahead bool           // it brought a position that was beyond the head
	fetch *store.Range   // that is asked for
	epoch event.Epoch    // that the client is in, as far as it knows
	told  event.Position // the version of the newest note that it was told
	got   map[event.Position]bool
}

func newWorld(t *testing.T, rules Rules, clients int) *world {
	t.Helper()
	limits := &Limits{RingFrames: 2, RingBytes: 1 << 20, RingAge: time.Minute, GapWait: time.Second, Aged: func(time.Duration) {}}
	w := &world{t: t, limits: limits, rules: &rules, lives: []life{{epoch: "e1"}}, heard: map[event.Position]bool{}}
	w.c = NewChannel("user:1", w.rules)
	for range clients {
		w.clients = append(w.clients, &member{l: Listener{Index: -1}})
	}
	return w
}

// clone is the world as it is, to try something else in.
func (w *world) clone() *world {
	n := *w
	n.clients = nil
	to := map[Waiter]Waiter{}
	for _, m := range w.clients {
		k := *m
		k.got = maps.Clone(m.got)
		k.mail, k.l.claim, k.l.brought, k.l.reset, k.l.page, k.fetch = cp(m.mail), cp(m.l.claim), cp(m.l.brought), cp(m.l.reset), cp(m.l.page), cp(m.fetch)
		n.clients = append(n.clients, &k)
		to[&m.l] = &k.l
	}
	moved := func(of []Waiter) (out []Waiter) {
		for _, x := range of {
			if y := to[x]; y != nil {
				out = append(out, y)
			} else { // it has left
				out = append(out, &Listener{Index: -1})
			}
		}
		return out
	}
	if r := w.c.recent; r != nil {
		k := *r
		k.ring.entries, k.ahead, k.waiters, k.merged = slices.Clone(r.ring.entries), maps.Clone(r.ahead), moved(r.waiters), cp(r.merged)
		n.c.recent = &k
	}
	if w.asked != nil {
		n.asked = cp(w.asked)
		n.asked.waiters = moved(w.asked.waiters)
	}
	n.lives = slices.Clone(w.lives)
	for i := range n.lives {
		n.lives[i].deleted = maps.Clone(w.lives[i].deleted)
	}
	n.bus, n.fill, n.heard = slices.Clone(w.bus), cp(w.fill), maps.Clone(w.heard)
	return &n
}

func cp[T any](p *T) *T {
	if p == nil {
		return nil
	}
	c := *p
	return &c
}

// key tells worlds apart in which something else may follow.
func (w *world) key() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v %v %v %v %v %v %v %v", w.lives, w.epoch, w.bus, w.want, w.unacked, w.timer, w.doubt, w.heard)
	c := w.c
	fmt.Fprintf(&b, "|%v %v %v %v %v %v %v %v %v", c.filled, c.announced, c.count, c.idle, c.generation, c.link, c.known, c.stale, c.gap)
	if r := c.recent; r != nil {
		fmt.Fprintf(&b, "|%v %v %v %v", r.ring.base, r.rewritten, r.early, r.earlyNote.Note)
		for _, e := range r.ring.entries {
			fmt.Fprintf(&b, " %d/%d", e.Seq, len(e.Block))
		}
		fmt.Fprintf(&b, " %v", slices.Sorted(maps.Keys(r.ahead)))
		w.who(&b, r.waiters)
	}
	if q := w.asked; q != nil {
		fmt.Fprintf(&b, "|%v %v %v %v %v %v", q.filled, q.announced, q.early, q.known, q.a, q.before)
		w.who(&b, q.waiters)
	}
	if f := w.fill; f != nil {
		fmt.Fprintf(&b, "|%v %v", f.r, f.p.Head)
		for _, e := range f.p.Events {
			fmt.Fprint(&b, " ", e.Seq)
		}
	}
	for _, m := range w.clients {
		l := m.l
		l.claim, l.brought, l.reset, l.page = nil, nil, nil, nil
		fmt.Fprintf(&b, "|%v %v %v %v %v %v %v %v", l, cp2(m.l.claim), cp2(m.l.brought), cp2(m.l.reset), m.on, m.epoch, cp2(m.fetch), m.got)
		if m.mail != nil {
			fmt.Fprintf(&b, " %v %v %v", m.mail.Verdict, m.mail.Confirmed, m.mail.note.Note)
		}
	}
	return b.String()
}

func cp2[T any](p *T) any {
	if p == nil {
		return nil
	}
	return *p
}

func (w *world) who(b *strings.Builder, waiters []Waiter) {
	for _, x := range waiters {
		for i, m := range w.clients {
			if x == Waiter(&m.l) {
				fmt.Fprint(b, " w", i)
			}
		}
	}
}

func (w *world) at() Moment { return Moment{Now: time.Unix(1, 0), InDoubt: w.doubt, Limits: w.limits} }

func (w *world) log() *life { return &w.lives[len(w.lives)-1] }

func (w *world) head(l *life) store.Head {
	return store.Head{Channel: "user:1", Seq: l.head, Version: l.version}
}

func (w *world) page(r *store.Range) store.Page {
	l := w.log()
	p := store.Page{Head: w.head(l), Epoch: l.epoch, Last: max(r.After, l.head)}
	for seq := r.After + 1; seq <= l.head; seq++ {
		if !l.deleted[seq] {
			p.Events = append(p.Events, l.event(seq))
		}
	}
	return p
}

func (l *life) event(seq uint64) event.Event {
	return event.Event{Channel: "user:1", Seq: seq, Type: "note", Data: fmt.Appendf(nil, `"%s-%d"`, l.epoch, seq)}
}

// do notes what follows.
func (w *world) do(fx Effects) {
	w.want |= fx.Do & (Ask | AskFresh | Fill)
	if fx.Has(AskLater | LookAround) {
		w.want |= Ask
	}
	w.timer = w.timer || fx.Has(WatchGap)
	if op := fx.Do & (Subscribe | Unsubscribe); op != 0 {
		w.check(w.unacked == 0 || w.unacked == Subscribe && op == Unsubscribe, "one operation is in flight, or is given up")
		w.unacked = op
	}
	if fx.Has(TellNote) {
		for _, m := range w.clients {
			if m.on {
				m.post().AddNote(fx.Note)
			}
		}
	}
}

func (m *member) post() *Mail {
	if m.mail == nil {
		m.mail = new(Mail)
	}
	return m.mail
}

// check judges; a failure shows how it came about.
func (w *world) check(ok bool, what string) {
	w.t.Helper()
	require.True(w.t, ok, "%s, after:%s", what, w.trace)
}

// start puts a question. from is the life that answers, and behind how many events it
// lacks.
func (w *world) start(fresh, stale bool, from *life, behind uint64) {
	w.want &^= Ask | AskFresh
	q, ok := w.c.Question(w.at())
	if !ok {
		return
	}
	before := w.epoch.Now()
	fresh = fresh || before == "" && !w.rules.Kept
	head := w.head(from)
	head.Seq, head.Version = head.Seq-behind, head.Version-behind
	w.asked = &asked{Question: q, a: Answer{Epoch: from.epoch, Head: head, Stale: stale, Fresh: fresh}, before: before}
}

// answer lets the answer arrive.
func (w *world) answer() {
	q := w.asked
	w.asked = nil
	if !w.rules.Kept && !q.a.Stale {
		if believed, changed := w.epoch.Believe(q.a.Epoch, q.before, q.a.Fresh); !believed {
			fx, _ := w.c.Unanswered(&q.Question, AskFresh, w.at())
			w.do(fx)
			return
		} else if changed {
			w.want |= Ask
		}
	}
	out := w.c.Answered(&q.Question, &q.a, w.at())
	w.do(out.Effects)
	for _, x := range out.Told {
		for _, m := range w.clients {
			if x == Waiter(&m.l) && m.on {
				m.post().Verdict = &out.Verdict
			}
		}
	}
	for _, m := range w.clients {
		if out.Has(Confirm) && m.on {
			m.post().Confirmed = &out.Verdict
		}
	}
}

// read lets a client read what there is.
func (w *world) read(m *member) {
	if m.mail != nil {
		var told *event.Note
		if told, m.mail = m.l.Take(m.mail, w.rules, nil); told != nil {
			w.check(m.told.Epoch != m.l.pos.Epoch || told.Version > m.told.Seq, "an older note never follows a newer one")
			m.told = event.Position{Epoch: m.l.pos.Epoch, Seq: told.Version}
		}
	}
	if !m.l.Placed() {
		return
	}
	if m.epoch == "" {
		shown, _ := m.l.Shown() // by the id of its bellhop.ready
		m.epoch = shown.Epoch
	}
	for {
		switch m.l.Next(w.rules) {
		case Rest:
			return
		case WriteReset:
			m.l.TakeReset()
			w.check(m.epoch < m.l.pos.Epoch || m.ahead, "a reset says that a life is over")
			m.ahead = false
			m.epoch, m.got = m.l.pos.Epoch, nil
		case WritePage:
			w.hand(m, m.l.Page(1<<20))
			before := m.l.pos
			m.l.PageWritten()
			w.check(m.l.page == nil, "a page is written at once")
			w.passed(before, m.l.pos.Seq+1)
		case ReadRing:
			entries, reading, do := w.c.Read(nil, &m.l, 1<<20)
			w.do(Effects{Do: do})
			switch reading {
			case Current:
				return
			case Some:
				w.hand(m, entries)
			case Behind:
				at := m.l.Fetch()
				m.fetch = &store.Range{Channel: "user:1", After: at.Seq, Epoch: at.Epoch, Through: w.c.filled.Seq}
				return
			case Outdated:
				m.l.Resolve()
				w.do(w.c.Rejoin(&m.l, w.at()))
			case Born:
			}
		}
	}
}

// passed checks that what a client passes over in silence is not there.
func (w *world) passed(from event.Position, to uint64) {
	for i := range w.lives {
		for seq := from.Seq + 1; w.lives[i].epoch == from.Epoch && seq < to && !w.rules.Conflate; seq++ {
			w.check(w.lives[i].deleted[seq], fmt.Sprintf("%d is passed over in silence", seq))
		}
	}
}

func (w *world) hand(m *member, entries []Entry) {
	for i := range entries {
		e, before := &entries[i], m.l.pos
		write, _ := m.l.Hand(e)
		if e.Seq > before.Seq {
			w.passed(before, e.Seq)
		}
		if !write {
			continue
		}
		p := event.Position{Epoch: before.Epoch, Seq: e.Seq}
		w.check(m.epoch == p.Epoch || m.epoch == "", "a client hears of another life by a reset")
		w.check(!m.got[p], fmt.Sprint(p, " comes twice"))
		w.check(bytes.Contains(e.Block, fmt.Appendf(nil, `"%s-%d"`, p.Epoch, p.Seq)), fmt.Sprint(p, " is another event"))
		if m.epoch = p.Epoch; m.got == nil {
			m.got = map[event.Position]bool{}
		}
		m.got[p] = true
		shown, named := m.l.Shown()
		w.check(named && shown == p, "an id says what was handed over")
	}
}

// invariants are checked after each step.
func (w *world) invariants() {
	c := &w.c
	if c.known {
		w.check(w.latest <= c.filled.Epoch, "a life that is over does not come back")
		w.latest = c.filled.Epoch
	} else {
		w.latest = ""
	}
	w.check(!c.known || c.announced >= c.filled.Seq, "what is filled was announced")
	w.check(c.idle != 0 || c.link != unlinked || w.clients[0].l.Index < 0, "who listens is subscribed")
	if r := c.recent; r != nil {
		w.check(len(r.ring.entries) <= w.limits.RingFrames && len(r.ahead) <= MaxAhead, "what is kept is bounded")
		last := r.ring.base
		for i := range r.ring.entries {
			e := &r.ring.entries[i]
			w.check(e.Seq > last || i == 0 && w.rules.Conflate, "the ring ascends")
			w.check(w.rules.Conflate || e.Seq == last+1, "the ring has no hole")
			w.check(e.Block == nil || !w.heard[event.Position{Epoch: c.filled.Epoch, Seq: e.Seq}], "the ring forgets what was deleted")
			last = e.Seq
		}
		w.check(len(r.ring.entries) == 0 || last == c.filled.Seq, "the ring ends where the channel is filled")
	}
}
