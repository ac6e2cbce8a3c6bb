package notify

import (
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/jmoiron/sqlx"

	"github.com/bellhop/bellhop/client"
	"github.com/bellhop/bellhop/demo/domain"
)

// Schema makes the table of the outbox. It may be run again.
//
//go:embed schema.sql
var Schema string

const (
	// batch is how many notifications are published in one request.
	batch = 200
	// maxWaiting is how many may wait. Beyond it the demo refuses to do what would
	// make more: it is bounded, and what it did is always told.
	maxWaiting = 10_000
	// pollInterval is how often the outbox is read without being asked to, and for how
	// long it is left alone after the notifier could not be reached.
	pollInterval = 2 * time.Second
)

// Publisher is what the outbox needs of a client.Client.
type Publisher interface {
	PublishBatch(ctx context.Context, events []client.Event) ([]client.Result, error)
	Withdraw(ctx context.Context, channel, collapseKey string) (removed int, err error)
}

// Outbox is the table of notifications that are still to be published.
type Outbox struct {
	db   *domain.DB
	to   Publisher
	log  *slog.Logger
	life string // random name of this table: a new file's first row is not the old one's
	wake chan struct{}
}

// NewOutbox opens the outbox of a database that has the Schema, and subscribes it
// to all events.
func NewOutbox(ctx context.Context, db *domain.DB, to Publisher, log *slog.Logger) (*Outbox, error) {
	o := &Outbox{db: db, to: to, log: log, wake: make(chan struct{}, 1)}
	if _, err := db.ExecContext(ctx, `INSERT INTO outbox_life (only, life) VALUES (1, ?) ON CONFLICT DO NOTHING`, rand.Text()); err != nil {
		return nil, err
	}
	if err := db.GetContext(ctx, &o.life, `SELECT life FROM outbox_life`); err != nil {
		return nil, err
	}
	db.Subscribe(o.put, o.wakeUp)
	return o, nil
}

// put writes the notifications of an event, in its transaction.
func (o *Outbox) put(ctx context.Context, tx *sqlx.Tx, e domain.Event) error {
	for _, n := range For(e) {
		var waiting int
		if err := tx.GetContext(ctx, &waiting, `SELECT IFNULL(MAX(id) - MIN(id) + 1, 0) FROM outbox`); err != nil {
			return err
		}
		if waiting >= maxWaiting {
			return domain.Refuse(domain.ErrBusy, "too many notifications wait to be published")
		}
		data, err := json.Marshal(n.Data)
		if err != nil {
			return err
		}
		if n.Withdrawn {
			n.Type = withdrawn
		}
		var expires int64
		if n.Life > 0 {
			expires = domain.Millis(time.Now().Add(n.Life))
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO outbox (channel, type, data, collapse_key, expires_at) VALUES (?, ?, ?, ?, ?)`,
			n.Channel, n.Type, string(data), n.CollapseKey, expires)
		if err != nil {
			return err
		}
	}
	return nil
}

// wakeUp tells the worker that there may be something to do.
func (o *Outbox) wakeUp() {
	select {
	case o.wake <- struct{}{}:
	default: // it has been told
	}
}

// Run publishes what is in the outbox until ctx ends, and then returns nil. One
// worker is enough, and keeps the order.
func (o *Outbox) Run(ctx context.Context) error {
	for {
		more, err := o.publish(ctx)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // that is how it ends
		}
		if err != nil {
			o.log.WarnContext(ctx, "notifications wait to be published", "error", err)
		}
		if more && err == nil {
			continue
		}
		wake := o.wake
		if err != nil {
			wake = nil // what is new would fail as well
		}
		select {
		case <-wake:
		case <-time.After(pollInterval):
		case <-ctx.Done():
		}
	}
}

// withdrawn is the type of a row that takes back what has its collapse key. No event
// has it.
const withdrawn = ""

// row is a notification that waits.
type row struct {
	ID          int64  `db:"id"`
	Channel     string `db:"channel"`
	Type        string `db:"type"`
	Data        string `db:"data"`
	CollapseKey string `db:"collapse_key"`
	ExpiresAt   int64  `db:"expires_at"` // 0: never
}

// event is the row as it is published. Its key makes it safe to publish the row
// again, by another process too.
func (o *Outbox) event(r row) client.Event {
	e := client.Event{
		Channels:       []string{r.Channel},
		Type:           r.Type,
		Data:           json.RawMessage(r.Data),
		CollapseKey:    r.CollapseKey,
		IdempotencyKey: fmt.Sprintf("outbox-%s-%d", o.life, r.ID),
	}
	if r.ExpiresAt > 0 {
		e.ExpiresAt = time.UnixMilli(r.ExpiresAt).UTC()
	}
	return e
}

// publish publishes the oldest rows and takes out those that are settled. It
// reports whether there may be more, and an error if some have to wait.
func (o *Outbox) publish(ctx context.Context) (more bool, err error) {
	var rows []row
	if err := o.db.SelectContext(ctx, &rows, `SELECT id, channel, type, data, collapse_key, expires_at FROM outbox ORDER BY id LIMIT ?`, batch); err != nil || len(rows) == 0 {
		return false, err
	}
	read := len(rows)
	rows, results, err := o.send(ctx, rows)
	settled := make([]any, 0, len(rows))
	var waits error
	for i, r := range results {
		switch {
		case r.Err == nil:
		case errors.Is(r.Err, client.ErrUnavailable), errors.Is(r.Err, client.ErrRateLimited), errors.Is(r.Err, client.ErrUnauthorized):
			waits = err
			continue
		default:
			// It will not be taken tomorrow either, and would stand in the way.
			o.log.ErrorContext(ctx, "notification was refused and is dropped", "channel", rows[i].Channel, "type", rows[i].Type, "error", r.Err)
		}
		settled = append(settled, rows[i].ID)
	}
	if len(settled) > 0 {
		// Not to be broken off: what is published twice costs less than asking.
		marks := strings.TrimSuffix(strings.Repeat("?,", len(settled)), ",")
		_, err := o.db.ExecContext(context.WithoutCancel(ctx), `DELETE FROM outbox WHERE id IN (`+marks+`)`, settled...)
		if err != nil {
			return false, err
		}
	}
	return read == batch || len(rows) < read, waits
}

// send hands the first rows on, in order: events together up to a withdrawal, or one
// withdrawal, which may be repeated. It returns which, and what became of each.
func (o *Outbox) send(ctx context.Context, rows []row) ([]row, []client.Result, error) {
	if r := rows[0]; r.Type == withdrawn {
		_, err := o.to.Withdraw(ctx, r.Channel, r.CollapseKey)
		return rows[:1], []client.Result{{Err: err}}, err
	}
	if i := slices.IndexFunc(rows, func(r row) bool { return r.Type == withdrawn }); i > 0 {
		rows = rows[:i]
	}
	events := make([]client.Event, len(rows))
	for i, r := range rows {
		events[i] = o.event(r)
	}
	results, err := o.to.PublishBatch(ctx, events)
	return rows, results, err
}
