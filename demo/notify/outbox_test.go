package notify_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/client"
	"github.com/bellhop/bellhop/demo/community"
	"github.com/bellhop/bellhop/demo/domain"
	"github.com/bellhop/bellhop/demo/notify"
)

const (
	patience = 20 * time.Second
	tick     = 5 * time.Millisecond
)

// paper is a notifier that remembers what it was sent, and writes under each key
// once, as the real one does.
type paper struct {
	answer func(client.Event) error // nil: takes everything

	mu      sync.Mutex
	written []string // type and channel, in order
	keys    map[string]bool
	calls   int
}

func (p *paper) PublishBatch(_ context.Context, events []client.Event) ([]client.Result, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls++
	results := make([]client.Result, len(events))
	var failed error
	for i, e := range events {
		if p.answer != nil {
			if err := p.answer(e); err != nil {
				results[i].Err, failed = err, err
				continue
			}
		}
		if p.keys == nil {
			p.keys = make(map[string]bool)
		}
		if !p.keys[e.IdempotencyKey] {
			p.keys[e.IdempotencyKey] = true
			p.written = append(p.written, e.Type+" "+e.Channels[0])
		}
	}
	return results, failed
}

func (p *paper) Withdraw(_ context.Context, channel, key string) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.written = append(p.written, "-"+key+" "+channel)
	return 1, nil
}

func (p *paper) all() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.written...)
}

// office is a process of the demo: a database with its outbox.
type office struct {
	db     *domain.DB
	people *community.Service
	outbox *notify.Outbox
	quit   func() // the process dies; may be called again
}

// newOffice opens the database at path, and runs the outbox if it is to.
func newOffice(t *testing.T, path string, to notify.Publisher, run bool) *office {
	t.Helper()
	db, err := domain.Open(t.Context(), path, community.Schema, notify.Schema)
	require.NoError(t, err)
	outbox, err := notify.NewOutbox(t.Context(), db, to, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	if run {
		go func() { ended <- outbox.Run(ctx) }()
	} else {
		ended <- nil
	}
	o := &office{db: db, people: community.New(db, time.Now), outbox: outbox}
	o.quit = sync.OnceFunc(func() {
		cancel()
		require.NoError(t, <-ended)
		require.NoError(t, db.Close())
	})
	t.Cleanup(o.quit)
	return o
}

func (o *office) note(t *testing.T, to string) error {
	t.Helper()
	_, err := o.people.SendNote(t.Context(), "sora", to, domain.Text{Text: "hi"})
	return err
}

func (o *office) waiting(t *testing.T) (n int) {
	t.Helper()
	require.NoError(t, o.db.Get(&n, `SELECT COUNT(*) FROM outbox`))
	return n
}

func TestWhatHappensIsPublishedInOrder(t *testing.T) {
	t.Parallel()
	to := &paper{}
	o := newOffice(t, filepath.Join(t.TempDir(), "demo.db"), to, true)
	var want []string
	for i := range 220 { // more than a request holds
		person := fmt.Sprintf("p%d", i)
		require.NoError(t, o.note(t, person))
		want = append(want, "note user:"+person)
	}
	require.Eventually(t, func() bool { return o.waiting(t) == 0 }, patience, tick)
	require.Equal(t, want, to.all())
}

// TestWithdrawalComesAfterWhatItTakesBack, and before what follows.
func TestWithdrawalComesAfterWhatItTakesBack(t *testing.T) {
	t.Parallel()
	to := &paper{}
	path := filepath.Join(t.TempDir(), "demo.db")
	before := newOffice(t, path, to, false) // all of it waits, to be sent in one go
	post, err := before.people.Write(t.Context(), "mina", community.NewPost{Board: "talk", Picture: "none", Title: said("Hi"), Body: said("Hello")})
	require.NoError(t, err)
	comment, err := before.people.Comment(t.Context(), "jonas", post, nil, said("Hm"))
	require.NoError(t, err)
	_, err = before.people.Uncomment(t.Context(), "jonas", comment.ID)
	require.NoError(t, err)
	require.NoError(t, before.note(t, "mina"))
	before.quit()
	o := newOffice(t, path, to, true)
	require.Eventually(t, func() bool { return o.waiting(t) == 0 }, patience, tick)
	require.Equal(t, []string{
		"post.comment topic:post-1", "comment user:mina", "post.uncomment topic:post-1", "-comments:1 user:mina", "note user:mina",
	}, to.all())
}

// TestNothingIsLostOrDoubledWhenTheProcessDies: between the commit and the
// publishing, and between the publishing and the deletion of the row.
func TestNothingIsLostOrDoubledWhenTheProcessDies(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "demo.db")
	to := &paper{}
	before := newOffice(t, path, to, false) // it dies before it publishes anything
	require.NoError(t, before.note(t, "mina"))
	require.Empty(t, to.all())
	before.quit()

	after := newOffice(t, path, to, true)
	require.Eventually(t, func() bool { return after.waiting(t) == 0 }, patience, tick)
	require.Equal(t, []string{"note user:mina"}, to.all())

	// The row is back, as if the deletion had not come to be.
	_, err := after.db.Exec(`INSERT INTO outbox (id, channel, type, data, collapse_key, expires_at) VALUES (1, 'user:mina', 'note', '{}', '', 0)`)
	require.NoError(t, err)
	require.NoError(t, after.note(t, "jonas"))
	require.Eventually(t, func() bool { return after.waiting(t) == 0 }, patience, tick)
	require.Equal(t, []string{"note user:mina", "note user:jonas"}, to.all())
	after.quit()

	// A new database begins its rows at 1 again, under other keys.
	fresh := newOffice(t, filepath.Join(t.TempDir(), "demo.db"), to, true)
	require.NoError(t, fresh.note(t, "haru"))
	require.Eventually(t, func() bool { return len(to.all()) == 3 }, patience, tick)
}

// TestWhatCanNotBePublishedNowWaits, and what never can is dropped.
func TestWhatCanNotBePublishedNowWaits(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	away := true
	to := &paper{answer: func(e client.Event) error {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case e.Channels[0] == "user:nobody":
			return &client.Error{Status: 422}
		case away:
			return fmt.Errorf("publish: %w", &client.Error{Status: 503})
		}
		return nil
	}}
	o := newOffice(t, filepath.Join(t.TempDir(), "demo.db"), to, true)
	require.NoError(t, o.note(t, "nobody"))
	require.NoError(t, o.note(t, "mina"))
	require.Eventually(t, func() bool { return o.waiting(t) == 1 }, patience, tick, "the refused one is dropped")
	require.Empty(t, to.all())
	mu.Lock()
	away = false
	mu.Unlock()
	require.Eventually(t, func() bool { return o.waiting(t) == 0 }, patience, tick)
	require.Equal(t, []string{"note user:mina"}, to.all())
}

// TestKeyThatIsNotAcceptedLosesNothing: somebody will put it right.
func TestKeyThatIsNotAcceptedLosesNothing(t *testing.T) {
	t.Parallel()
	to := &paper{answer: func(client.Event) error { return &client.Error{Status: 401} }}
	o := newOffice(t, filepath.Join(t.TempDir(), "demo.db"), to, true)
	require.NoError(t, o.note(t, "mina"))
	require.Eventually(t, func() bool { to.mu.Lock(); defer to.mu.Unlock(); return to.calls > 0 }, patience, tick)
	require.Equal(t, 1, o.waiting(t))
}

// TestOutboxIsBounded: what could not be told of is not done either.
func TestOutboxIsBounded(t *testing.T) {
	t.Parallel()
	o := newOffice(t, filepath.Join(t.TempDir(), "demo.db"), &paper{}, false)
	_, err := o.db.Exec(`
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10000)
INSERT INTO outbox (channel, type, data, collapse_key, expires_at) SELECT 'user:x', 'note', '{}', '', 0 FROM n`)
	require.NoError(t, err)
	require.ErrorIs(t, o.note(t, "mina"), domain.ErrBusy)
	notes, err := o.people.Notes(t.Context(), "mina")
	require.NoError(t, err)
	require.Empty(t, notes)
}

// TestEventsCarryWhatTheNotificationSays.
func TestEventsCarryWhatTheNotificationSays(t *testing.T) {
	t.Parallel()
	events := make(chan client.Event, 1)
	to := &paper{answer: func(e client.Event) error {
		select {
		case events <- e:
		default: // the same again
		}
		return errors.New("enough")
	}}
	o := newOffice(t, filepath.Join(t.TempDir(), "demo.db"), to, true)
	_, err := o.people.Say(t.Context(), "sora", "mina", domain.Text{Text: "hi"})
	require.NoError(t, err)
	e := <-events
	require.Equal(t, []string{"user:mina"}, e.Channels)
	require.Equal(t, "chat:sora", e.CollapseKey)
	require.Regexp(t, `^outbox-[A-Z0-9]{26}-1$`, e.IdempotencyKey)
	require.True(t, e.ExpiresAt.After(time.Now().Add(24*time.Hour)))
	o.quit()
}
