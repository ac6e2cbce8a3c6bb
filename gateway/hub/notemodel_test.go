package hub

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/gateway/conn"
)

// TestCountsAgainstModel runs inboxes on several devices under random appends and
// changes of what is read, with messages that are lost, late and reordered, a bus
// that is made anew, readings of the log that take long or fail, fail-overs that
// lose transactions, and devices that come, go and are slow. In the end every
// device must count what the log counts.
func TestCountsAgainstModel(t *testing.T) {
	for seed := range *modelSeeds / 2 {
		t.Run(strconv.Itoa(seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newCountModel(t, uint64(seed))
				for range 250 {
					m.step()
				}
				m.settle()
			})
		})
	}
}

type countModel struct {
	*rig
	rng     *rand.Rand
	devices []*counter
	epochs  int
	calm    bool
}

// counter is a device that counts as the API's pages say: what a ready or a read
// says, and the events above its head.
type counter struct {
	*client
	others       []event.Channel
	unread, head uint64
	above        map[uint64]bool
}

func newCountModel(t *testing.T, seed uint64) *countModel {
	t.Helper()
	m := &countModel{rng: rand.New(rand.NewPCG(seed, 2)), epochs: 1} // repeatable on purpose
	m.rig = newRig(t, func(c *Config) {
		c.Logger = slog.New(slog.DiscardHandler)
		c.RingFrames = 1 + m.rng.IntN(8)
		c.Idle = []time.Duration{200 * time.Millisecond, 10 * time.Second}[m.rng.IntN(2)]
	})
	for i := range 4 {
		d := &counter{client: &client{ended: true}}
		if i%2 == 1 {
			d.others = []event.Channel{"room:a"}
		}
		m.devices = append(m.devices, d)
	}
	return m
}

func (m *countModel) chance(percent int) bool { return m.rng.IntN(100) < percent }

func (m *countModel) step() {
	d := m.devices[m.rng.IntN(len(m.devices))]
	switch n := m.rng.IntN(100); {
	case n < 20:
		m.announce(m.log.add(inbox))
	case n < 50:
		m.announce(m.mark())
	case n < 75 && d.ended:
		m.connect(d)
	case n < 75:
		m.read(d)
	case n < 80 && !d.ended:
		d.stream.Close("")
		d.ended = true
	case n < 84:
		m.bus.handler.Suspect(true)
		m.bus.mu.Lock()
		m.bus.deaf = true
		m.bus.mu.Unlock()
		time.AfterFunc(time.Duration(m.rng.IntN(2000))*time.Millisecond, m.bus.hearAgain)
	case n < 88:
		wait := time.Duration(m.rng.IntN(800)) * time.Millisecond
		m.log.set(func(l *fakeLog) {
			if l.onHeads = nil; wait > 200*time.Millisecond {
				l.onHeads = func([]event.Channel) { <-time.After(wait) }
			}
		})
	case n < 91:
		m.log.set(func(l *fakeLog) { l.tailOff = m.chance(40) })
	case n < 93:
		m.log.change(func(l *life) { l.commits, l.low = nil, l.nextID }) // rows age out
	case n < 95:
		m.log.sync()
	case n < 96:
		m.epochs++
		var from *life
		m.log.set(func(l *fakeLog) { from = l.replica })
		m.log.failOver(from, event.Epoch(fmt.Sprint("e", m.epochs)))
		time.AfterFunc(time.Second, func() { m.log.set(func(l *fakeLog) { l.pooled = nil }) })
	default:
		<-time.After(time.Duration(m.rng.IntN(3000)) * time.Millisecond)
	}
	if m.chance(50) {
		<-time.After(time.Duration(m.rng.IntN(100)) * time.Millisecond)
	}
}

// mark makes some of the inbox read, or unread.
func (m *countModel) mark() fanout.Message {
	var head uint64
	m.log.change(func(l *life) { head = l.channels[inbox].head() })
	kind := []event.NoteKind{event.NoteRead, event.NoteUnread, event.NoteReplaced}[m.rng.IntN(3)]
	return m.log.mark(inbox, kind, 0, m.rng.Uint64N(head+1), 1)
}

func (m *countModel) announce(msg fanout.Message) {
	switch {
	case m.calm || m.chance(60):
		m.bus.send(msg)
	case m.chance(60):
		time.AfterFunc(time.Duration(m.rng.IntN(3000))*time.Millisecond, func() { m.bus.send(msg) })
	}
}

func (m *countModel) connect(d *counter) {
	cur, err := event.ParseCursor(d.id)
	require.NoError(m.t, err)
	s, err := m.hub.Open(Request{Channels: append([]event.Channel{inbox}, d.others...), Inbox: true, Cursor: cur, ReplayReset: true, Retry: time.Second})
	require.NoError(m.t, err)
	d.client = &client{t: m.t, stream: s, id: d.id}
	c := d.client
	s.Start(conn.WakeFunc(func() { c.woken.Store(true) }), 0)
	m.t.Cleanup(func() { s.Close("") })
}

func (m *countModel) read(d *counter) {
	var blocks []block
	if m.calm || m.chance(60) {
		blocks = d.pull()
	} else {
		blocks = d.sip(1 + m.rng.IntN(400))
	}
	for _, b := range blocks {
		var said struct {
			Channel           event.Channel
			Seq, Unread, Head uint64
		}
		require.NoError(m.t, json.Unmarshal([]byte(b.data), &said))
		switch b.event {
		case "bellhop.ready", "bellhop.read":
			if said.Head >= d.head { // else the list that was fetched meanwhile is newer
				d.unread, d.head = said.Unread, said.Head
			}
		case "bellhop.reset":
			// The page fetches its list anew.
			if said.Channel == inbox {
				m.log.change(func(l *life) { d.unread, d.head = l.channels[inbox].unread, l.channels[inbox].head() })
				d.above = nil
			}
			continue
		default:
			if d.above == nil {
				d.above = make(map[uint64]bool)
			}
			d.above[said.Seq] = true
		}
		for seq := range d.above {
			if seq <= d.head {
				delete(d.above, seq)
			}
		}
	}
}

// settle ends all faults, and has everybody count.
func (m *countModel) settle() {
	m.calm = true
	m.log.set(func(l *fakeLog) { l.tailOff, l.pooled, l.onHeads = false, nil, nil })
	<-time.After(5 * time.Second) // late messages
	for range 400 {
		<-time.After(50 * time.Millisecond)
		for _, d := range m.devices {
			if d.ended {
				m.connect(d)
			}
			m.read(d)
		}
	}
	m.compare()
	m.announce(m.log.add(inbox))
	m.log.mark(inbox, event.NoteRead, 0, 1, 1) // the bus loses it
	<-time.After(5 * time.Second)
	m.compare()
}

func (m *countModel) compare() {
	for _, d := range m.devices {
		m.read(d)
	}
	m.log.change(func(l *life) {
		for i, d := range m.devices {
			require.Equal(m.t, l.channels[inbox].unread, d.unread+uint64(len(d.above)), "device %d", i)
		}
	})
}
