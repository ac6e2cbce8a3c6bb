package hub

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/store"
)

// life is the state of one database server: a model of the log, small enough to
// be right by inspection.
type life struct {
	epoch    event.Epoch
	channels map[event.Channel]fakeChannel
	commits  []store.Commit
	low      uint64
	nextID   uint64
	starts   byte // of the server: tokens are its own each time
}

type fakeChannel struct {
	floor, version, unread uint64
	events                 []event.Event // contiguous from 1; nil data is a tombstone
}

func (f fakeChannel) head() uint64 { return uint64(len(f.events)) }

func (l *life) clone() *life {
	c := *l
	c.channels = maps.Clone(l.channels)
	c.commits = slices.Clone(l.commits)
	return &c
}

// fakeLog is a primary with a lagging replica. A test may demote the primary:
// then connections opened before still reach the old one.
type fakeLog struct {
	mu       sync.Mutex
	primary  *life
	replica  *life
	pooled   *life // what old connections reach; nil: the primary
	away     bool  // the primary does not answer
	tailOff  bool
	tailMost int // commits that one answer holds; zero: no bound
	heads    int // queries
	ranges   int
	tails    int
	told     int // rows of the tail that were handed out
	renewed  int // questions that asked for a new connection
	// onHeads runs between the moment a query of heads took its snapshot and
	// the moment it returns, without the lock.
	onHeads func(names []event.Channel)
	onRange func()
	written int // events ever appended; makes each one's data its own
}

func newFakeLog() *fakeLog {
	first := &life{epoch: "e1", channels: map[event.Channel]fakeChannel{}, low: 1, nextID: 1}
	return &fakeLog{primary: first, replica: first.clone()}
}

var errAway = store.ErrUnavailable

func (l *fakeLog) Heads(_ context.Context, names []event.Channel, fresh bool) (store.Heads, error) {
	l.mu.Lock()
	l.heads++
	if fresh {
		l.renewed++
		l.pooled = nil
	}
	from, stale := l.server(), false
	if l.away {
		from, stale = l.replica, true
	}
	if from == nil {
		l.mu.Unlock()
		return store.Heads{}, errAway
	}
	out := store.Heads{Epoch: from.epoch, Stale: stale}
	for _, n := range names {
		c := from.channels[n]
		out.Heads = append(out.Heads, store.Head{Channel: n, Seq: c.head(), Floor: c.floor, Version: c.version, Unread: c.unread})
	}
	hook := l.onHeads
	l.mu.Unlock()
	if hook != nil {
		hook(names)
	}
	return out, nil
}

func (l *fakeLog) server() *life {
	if l.pooled != nil {
		return l.pooled
	}
	return l.primary
}

func (l *fakeLog) Ranges(_ context.Context, ranges []store.Range) ([]store.Page, error) {
	l.mu.Lock()
	l.ranges++
	var out []store.Page
	for _, r := range ranges {
		var p store.Page
		switch {
		case l.replica != nil && fits(l.replica, r):
			p = pageOf(l.replica, r)
		case !l.away:
			p = pageOf(l.server(), r)
		case l.replica != nil:
			p = pageOf(l.replica, r)
			p.Stale = true
		default:
			l.mu.Unlock()
			return nil, errAway
		}
		out = append(out, p)
	}
	hook := l.onRange
	l.mu.Unlock()
	if hook != nil {
		hook()
	}
	return out, nil
}

func fits(l *life, r store.Range) bool {
	c := l.channels[r.Channel]
	return (r.Epoch == "" || l.epoch == r.Epoch) && c.head() >= r.Through && c.version >= r.Version
}

func pageOf(l *life, r store.Range) store.Page {
	c := l.channels[r.Channel]
	p := store.Page{
		Head:  store.Head{Channel: r.Channel, Seq: c.head(), Floor: c.floor, Version: c.version},
		Epoch: l.epoch, Last: max(r.After, c.head()),
	}
	for i := max(r.After, c.floor); i < c.head(); i++ {
		if e := c.events[i]; e.Data != nil {
			p.Events = append(p.Events, e)
			if len(p.Events) == r.Limit {
				p.Last = e.Seq
				break
			}
		}
	}
	return p
}

func (l *fakeLog) Tail(_ context.Context, after store.Mark, seen func(store.Mark) bool) (store.Tail, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tails++
	if l.away || l.tailOff {
		return store.Tail{}, errAway
	}
	from := l.server()
	out := store.Tail{Epoch: from.epoch, Low: from.low, Last: after}
	if after.ID < from.low {
		out.Last = store.Mark{ID: from.low - 1}
	}
	out.Settled = out.Last
	commits := slices.SortedFunc(slices.Values(from.commits), func(a, b store.Commit) int { return cmp.Compare(a.ID, b.ID) })
	out.Lost = after.Token != store.Token{} && after.ID >= from.low &&
		!slices.ContainsFunc(commits, func(c store.Commit) bool { return c.Mark == after })
	for _, c := range commits {
		if c.ID <= after.ID {
			continue
		}
		l.told++
		had := seen(c.Mark)
		if full := l.tailMost > 0 && len(out.Commits) >= l.tailMost; full {
			continue
		}
		if c.ID == out.Settled.ID+1 {
			out.Settled = c.Mark
		}
		if c.ID > out.Last.ID {
			out.Last = c.Mark
		}
		if !had {
			out.Commits = append(out.Commits, c)
		}
	}
	return out, nil
}

// queries counts what the log was asked.
func (l *fakeLog) queries() (heads, ranges int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.heads, l.ranges
}

// set changes how the log behaves.
func (l *fakeLog) set(f func(*fakeLog)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f(l)
}

// tx is an append that took its id and is not committed yet.
type tx struct {
	log *fakeLog
	ch  event.Channel
	id  uint64
}

func (l *fakeLog) begin(ch event.Channel) tx {
	l.mu.Lock()
	defer l.mu.Unlock()
	id := l.primary.nextID
	l.primary.nextID++
	return tx{l, ch, id}
}

func (t tx) commit() fanout.Message {
	l := t.log
	l.mu.Lock()
	defer l.mu.Unlock()
	p := l.primary
	c := p.channels[t.ch]
	l.written++
	e := event.Event{Channel: t.ch, Seq: c.head() + 1, Type: l.typeOf(t.ch), Time: time.Now(), Data: fmt.Appendf(nil, `"n%d"`, l.written)}
	c.events = append(slices.Clone(c.events), e)
	c.version++
	c.unread++
	p.channels[t.ch] = c
	p.addCommit(t.id, store.Change{Channel: t.ch, Head: e.Seq})
	return fanout.Message{Channel: t.ch, Epoch: p.epoch, Seq: e.Seq, Frame: event.NewFrame(&e)}
}

// typeOf is the type of the next event. Only of a ticker there are several.
func (l *fakeLog) typeOf(ch event.Channel) string {
	if ch.Namespace() == "ticker" {
		return []string{"often", "often", "often", "sometimes", "rare"}[l.written*7%5]
	}
	return "note"
}

func (l *life) addCommit(id uint64, changes ...store.Change) {
	var token store.Token
	copy(token[8:], l.epoch)
	binary.BigEndian.PutUint64(token[:], id)
	token[15] = l.starts
	l.commits = append(l.commits, store.Commit{Mark: store.Mark{ID: id, Token: token}, Changes: changes})
}

// add appends an event, and returns the message that announces it.
func (l *fakeLog) add(ch event.Channel) fanout.Message { return l.begin(ch).commit() }

// sync lets the replica catch up.
func (l *fakeLog) sync() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.replica = l.primary.clone()
}

// change edits the primary.
func (l *fakeLog) change(f func(*life)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f(l.primary)
}

// trim moves the floor of a channel.
func (l *fakeLog) trim(ch event.Channel, floor uint64) {
	l.change(func(p *life) {
		c := p.channels[ch]
		c.floor = floor
		c.version++
		p.channels[ch] = c
	})
}

// erase leaves a tombstone, and returns the hint that announces it.
func (l *fakeLog) erase(ch event.Channel, seq uint64) fanout.Message {
	var m fanout.Message
	l.change(func(p *life) {
		c := p.channels[ch]
		c.events = slices.Clone(c.events)
		c.events[seq-1].Data = nil
		c.version++
		p.channels[ch] = c
		n := &event.Note{Version: c.version, Head: c.head(), Unread: c.unread, Kind: event.NoteRemoved, Seqs: []uint64{seq}}
		p.addCommit(p.nextID, store.Change{Channel: ch, Head: c.head(), Rewrite: true, Note: n})
		p.nextID++
		m = fanout.Message{Channel: ch, Epoch: p.epoch, Seq: c.head(), Note: n}
	})
	return m
}

// failOver makes from the primary, in a new epoch. Connections that are open
// still reach the old primary.
func (l *fakeLog) failOver(from *life, epoch event.Epoch) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pooled = l.server()
	next := from.clone()
	next.epoch = epoch
	l.primary = next
	l.replica = next.clone()
}
