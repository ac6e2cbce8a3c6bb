package notifier

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/store"
)

// waitFor and tick are for what is only polled.
const (
	waitFor = 10 * time.Second
	tick    = 2 * time.Millisecond
)

// fakeLog is a log in memory whose appends can be held up and made to fail.
type fakeLog struct {
	// before is asked for every group; an error fails it.
	before func(entries []store.Entry) error
	// refuse is asked for every entry; an error leaves it out of its group.
	refuse func(store.Entry) error
	// identity answers CheckIdentity.
	identity func() (bool, error)
	// expire, age and trim answer Expire, AgeOut and Trim.
	expire, age func() (bool, error)
	trim        func(store.TrimCursor, func(event.Channel) store.Retention) (store.TrimCursor, error)

	mu     sync.Mutex
	heads  map[event.Channel]uint64
	calls  int
	groups [][]store.Entry // those that were written, and what of them was
}

func (l *fakeLog) Append(_ context.Context, entries []store.Entry) (event.Epoch, []store.Appended, error) {
	l.mu.Lock()
	l.calls++
	l.mu.Unlock()
	if l.before != nil {
		if err := l.before(entries); err != nil {
			return "", nil, err
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.heads == nil {
		l.heads = make(map[event.Channel]uint64)
	}
	appended := make([]store.Appended, len(entries))
	var written []store.Entry
	for i, e := range entries {
		if l.refuse != nil {
			if err := l.refuse(e); err != nil {
				appended[i].Err = err
				continue
			}
		}
		appended[i].Time = time.Now().UTC()
		for _, ch := range e.Channels {
			l.heads[ch]++
			appended[i].Seqs = append(appended[i].Seqs, l.heads[ch])
		}
		written = append(written, e)
	}
	l.groups = append(l.groups, written)
	return "e1", appended, nil
}

func (l *fakeLog) Revoke(context.Context, event.Channel) error { return nil }

func (l *fakeLog) Withdraw(context.Context, event.Channel, string) (int, []store.InboxState, error) {
	return 0, nil, nil
}

func (l *fakeLog) Purge(context.Context, event.Channel) error { return nil }

func (l *fakeLog) Trim(_ context.Context, from store.TrimCursor, policy func(event.Channel) store.Retention) (store.TrimCursor, error) {
	if l.trim != nil {
		return l.trim(from, policy)
	}
	return store.TrimCursor{}, nil
}

func (l *fakeLog) AgeOut(context.Context) (bool, error) {
	if l.age != nil {
		return l.age()
	}
	return false, nil
}

func (l *fakeLog) Expire(context.Context) (bool, error) {
	if l.expire != nil {
		return l.expire()
	}
	return false, nil
}

func (l *fakeLog) Heads(context.Context, []event.Channel, bool) (store.Heads, error) {
	return store.Heads{}, errAway
}

func (l *fakeLog) CheckIdentity(context.Context) (bool, error) {
	if l.identity != nil {
		return l.identity()
	}
	return false, nil
}

func (l *fakeLog) Ready(context.Context) error { return nil }

// types lists the types of what was written, group by group.
func (l *fakeLog) types() [][]string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var all [][]string
	for _, g := range l.groups {
		var types []string
		for _, e := range g {
			types = append(types, e.Type)
		}
		all = append(all, types)
	}
	return all
}

// fakeBus remembers what was published. With on set, that decides.
type fakeBus struct {
	on func(ctx context.Context, m []fanout.Message) ([]int, error)

	mu       sync.Mutex
	messages []fanout.Message
}

func (b *fakeBus) Publish(ctx context.Context, m []fanout.Message) ([]int, error) {
	if b.on != nil {
		if receivers, err := b.on(ctx, m); receivers != nil || err != nil {
			return receivers, err
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.messages = append(b.messages, m...)
	return make([]int, len(m)), nil
}

func (b *fakeBus) seqs(ch event.Channel) (seqs []uint64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range b.messages {
		if m.Channel == ch {
			seqs = append(seqs, m.Seq)
		}
	}
	return seqs
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// newFake makes a notifier on fakes. Its one batcher makes groups predictable.
func newFake(t *testing.T, log Log, bus fanout.Publisher, change ...func(*Config)) *Notifier {
	t.Helper()
	c := Config{Log: log, Bus: bus, Policies: auth.Builtin(), Batchers: 1, Logger: quiet()}
	for _, f := range change {
		f(&c)
	}
	n, err := New(c)
	require.NoError(t, err)
	return n
}

// startFake is newFake, started, and stopped at the end of the test.
func startFake(t *testing.T, log Log, bus fanout.Publisher, change ...func(*Config)) *Notifier {
	t.Helper()
	n := newFake(t, log, bus, change...)
	require.NoError(t, n.Start(t.Context()))
	t.Cleanup(n.Stop)
	return n
}

// testJob is an event of a type to one channel.
func testJob(channel event.Channel, typ string) *job {
	return newJob("", store.Entry{Channels: []event.Channel{channel}, Type: typ, Data: []byte("1")}, false)
}

func submit(t *testing.T, n *Notifier, jobs ...*job) {
	t.Helper()
	for _, j := range jobs {
		require.NoError(t, n.batcher.submit(j))
	}
}
