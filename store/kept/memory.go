package kept

import (
	"container/list"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/store"
)

// What an event, an idempotency key and a channel take in memory besides data,
// about, in bytes. A channel stays for a week after its last event is gone.
const (
	eventOverhead   = 250
	keyOverhead     = 350
	channelOverhead = 350
)

// keyShare is the part of MaxBytes, one in so many, that idempotency keys may take;
// the rest is for channels and events.
const keyShare = 4

// Memory is a log within one process, gone with it.
type Memory struct {
	bus fanout.Publisher
	cfg Config

	mu       sync.Mutex // guards all below, and keeps messages in the order of seqs
	channels map[event.Channel]*memoryChannel
	quietest *list.List // of *memoryChannel, by their newest events
	keys     map[memoryKey]*memoryRecord
	oldest   []*memoryRecord // of keys, by age
	bytes    int             // of channels and events
}

// NewMemory makes an empty log that publishes on bus, which must not block.
func NewMemory(bus fanout.Publisher, cfg Config) *Memory {
	return &Memory{
		bus: bus, cfg: cfg.withDefaults(),
		channels: make(map[event.Channel]*memoryChannel), quietest: list.New(),
		keys: make(map[memoryKey]*memoryRecord),
	}
}

// memoryKey is an idempotency key.
type memoryKey struct {
	channel event.Channel
	id      [32]byte
}

// memoryRecord is what was answered under a key.
type memoryRecord struct {
	key    memoryKey
	body   [32]byte
	until  time.Time
	answer store.KeptAppended
}

// Append implements Log.
func (m *Memory) Append(ctx context.Context, entries []store.Entry) []store.KeptAppended {
	results := make([]store.KeptAppended, len(entries))
	messages := make([]fanout.Message, 0, len(entries))
	which := make([]int, 0, len(entries))
	gone := left(ctx)
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	m.sweep(now)
	for i := range entries {
		e := &entries[i]
		results[i].Receivers = -1
		switch n := len(e.Channels); {
		case n != 1:
			results[i].Err = fmt.Errorf("%w: an entry names %d channels", store.ErrNotWritten, n)
		case gone != nil:
			results[i].Err = gone
		case e.Key != nil && m.replay(e, &results[i]):
		default:
			results[i] = m.append(e, now)
			messages = append(messages, m.message(e, &results[i], now))
			which = append(which, i)
		}
	}
	receivers, err := m.bus.Publish(ctx, messages)
	if err != nil {
		// A bus in memory fails only those who have left.
		m.cfg.Logger.Warn("publish failed; gateways hear of it when they look", "error", err)
		return results
	}
	for i, at := range which {
		results[at].Receivers = receivers[i]
	}
	return results
}

// append is what append.lua does, but for publishing. m.mu is held, as in what
// follows.
func (m *Memory) append(e *store.Entry, now time.Time) store.KeptAppended {
	c := m.channel(e.Channels[0], now)
	if c == nil {
		c = &memoryChannel{name: e.Channels[0], epoch: event.NewEpoch()}
		c.place = m.quietest.PushBack(c)
		m.channels[c.name] = c
		m.bytes += channelOverhead
	}
	keep := m.cfg.Retention(c.name)
	added := store.Record{Type: e.Type, Data: e.Data, Time: max(now.UnixMilli(), c.newest), Expires: e.Expiry()}
	m.bytes += c.add(added)
	m.bytes -= c.trim(keep.MaxCount, c.newest-keep.MaxAge.Milliseconds(), keep.MaxAge > 0)
	c.until = now.Add(quiet + keep.MaxAge)
	m.quietest.MoveToBack(c.place)
	result := store.KeptAppended{
		Appended: store.Appended{Seqs: []uint64{c.head}, Time: time.UnixMilli(c.newest).UTC()},
		Epoch:    c.epoch, Receivers: -1,
	}
	if e.Key != nil {
		m.remember(e, result, now)
	}
	m.shrink(c)
	return result
}

// message announces an event that was appended.
func (m *Memory) message(e *store.Entry, a *store.KeptAppended, now time.Time) fanout.Message {
	msg := fanout.Message{Channel: e.Channels[0], Epoch: a.Epoch, Seq: a.Seqs[0]}
	if e.ExpiresAt.IsZero() || e.ExpiresAt.After(now) {
		msg.Frame = event.NewFrame(&event.Event{Channel: msg.Channel, Seq: msg.Seq, Type: e.Type, Time: a.Time, Data: e.Data})
	}
	return msg
}

// replay answers an entry whose key was used before.
func (m *Memory) replay(e *store.Entry, result *store.KeptAppended) bool {
	used := m.keys[memoryKey{e.Channels[0], e.Key.ID()}]
	switch {
	case used == nil:
		return false
	case used.body != e.Key.Body:
		result.Err = store.ErrKeyBody
	default:
		*result = used.answer
		result.Replayed = true
	}
	return true
}

func (m *Memory) remember(e *store.Entry, answer store.KeptAppended, now time.Time) {
	r := &memoryRecord{key: memoryKey{e.Channels[0], e.Key.ID()}, body: e.Key.Body, until: now.Add(keyLife), answer: answer}
	m.keys[r.key] = r
	m.oldest = append(m.oldest, r)
	for m.keyBytes() > m.cfg.MaxBytes/keyShare {
		m.forgetKey()
	}
}

// keyBytes is what idempotency keys count for.
func (m *Memory) keyBytes() int { return len(m.keys) * keyOverhead }

// Purge implements Log.
func (m *Memory) Purge(ctx context.Context, ch event.Channel) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := m.channel(ch, time.Now())
	if c == nil {
		return nil
	}
	m.bytes -= c.drop(len(c.entries))
	if _, err := m.bus.Publish(ctx, []fanout.Message{{Channel: ch, Epoch: c.epoch, Seq: c.head}}); err != nil {
		m.cfg.Logger.Warn("purge is not announced; gateways hear of it when they look", "channel", ch, "error", err)
	}
	return nil
}

// Trim implements Log. All channels are one step.
func (m *Memory) Trim(context.Context, store.KeptCursor) (store.KeptCursor, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	m.sweep(now)
	for _, c := range m.channels {
		if keep := m.cfg.Retention(c.name).MaxAge; keep > 0 {
			m.bytes -= c.trim(0, now.Add(-keep).UnixMilli(), true)
		}
	}
	return store.KeptCursor{}, nil
}

// Heads implements Log.
func (m *Memory) Heads(_ context.Context, channels []event.Channel, _ bool) ([]store.KeptHead, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	heads := make([]store.KeptHead, len(channels))
	for i, ch := range channels {
		s := m.channel(ch, now).read(store.Range{}, 0)
		heads[i] = keptHead(&s, ch)
	}
	return heads, nil
}

// Ranges implements Log.
func (m *Memory) Ranges(_ context.Context, ranges []store.Range) ([]store.Page, error) {
	if len(ranges) > store.MaxRanges {
		return nil, fmt.Errorf("%d ranges: want at most %d", len(ranges), store.MaxRanges)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	now := time.Now()
	pages := make([]store.Page, len(ranges))
	for i, r := range ranges {
		s := m.channel(r.Channel, now).read(r, share(len(ranges)))
		s.Now = now.UnixMilli()
		pages[i], _ = s.Page(r)
	}
	return pages, nil
}

var _ Log = (*Memory)(nil)
