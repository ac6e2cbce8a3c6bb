package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bellhop/bellhop/event"
)

// meta is what a server says of the log's life and of itself, in one statement.
type meta struct {
	Epoch    event.Epoch `db:"epoch"`
	Identity string      `db:"identity"` // of the primary that the epoch belongs to
	Server   string      `db:"server"`   // of the server that answered
	Refusal  string      `db:"refusal"`  // why that one takes no writes; empty: it does
	Now      int64       `db:"now"`      // milliseconds since 1970

	own string // of the server alone; known where meta is changed
}

// errForeign is an ErrNotPrimary of a server that takes writes but is not the
// one that the epoch belongs to: after a fail-over it may well be the primary,
// once a new epoch has begun.
var errForeign = fmt.Errorf("%w: the epoch belongs to another server", ErrNotPrimary)

// check tells whether the server is the primary.
func (m *meta) check() error {
	switch {
	case m.Refusal != "":
		return fmt.Errorf("%w: %w: it is %s", ErrUnavailable, ErrNotPrimary, m.Refusal)
	case m.Server != m.Identity:
		return fmt.Errorf("%w: %w", ErrUnavailable, errForeign)
	}
	return nil
}

// errNoMeta: the schema is there, its one row of meta is not.
var errNoMeta = errors.New("the row of meta is missing")

func noMeta(what string) error {
	return fmt.Errorf("%s: %w: %w: %w", what, ErrUnavailable, ErrSchema, errNoMeta)
}

func unixMilli(ms int64) time.Time { return time.UnixMilli(ms).UTC() }

// metaColumns are the columns of meta, of a table meta named m.
func (d *dialect) metaColumns() string {
	return "m.epoch, m.identity, " + d.identity + " AS server, " + d.refusal + " AS refusal, " + d.now + " AS now"
}

func (d *dialect) selectMeta() string {
	return "SELECT " + d.metaColumns() + " FROM meta m WHERE m.id = 1"
}

func (d *DB) readMeta(ctx context.Context, s *server) (meta, error) {
	var found []meta
	if err := d.read(ctx, s, "read meta", &found, d.dialect.selectMeta()); err != nil {
		return meta{}, err
	}
	if len(found) == 0 {
		return meta{}, noMeta("read meta")
	}
	return found[0], nil
}

// judgeMeta reads meta from the primary, and tells whether that is the primary.
func (d *DB) judgeMeta(ctx context.Context) (meta, error) {
	m, err := d.readMeta(ctx, d.primary)
	if err == nil {
		err = d.primary.judge(m)
	}
	return m, err
}

// CheckIdentity begins a new epoch if the primary is not the server that the
// current epoch belongs to: it was replaced or rebuilt, so that acknowledged
// events may be lost. A notifier calls it every second, because gateways believe
// nothing of such a server before. changed tells that the epoch is another now;
// of several notifiers one changes it.
//
// It fails with ErrNotPrimary if the server is read-only.
func (d *DB) CheckIdentity(ctx context.Context) (changed bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, writeBudget)
	defer cancel()
	m, err := d.judgeMeta(ctx)
	if !errors.Is(err, errForeign) {
		return false, err
	}
	if err := d.primary.rivals.allows(m.Server, time.Now()); err != nil {
		return false, err
	}
	// It is believed only on a connection that was opened after the difference
	// was seen: the old one may lead to a server that is none of ours any more.
	d.primary.drop()
	var before, after meta
	var adopted bool
	var refused error
	changed, err = d.changeMeta(ctx, func(m *meta) bool {
		refused = nil
		if m.Server == m.Identity {
			return false // another notifier was faster
		}
		before = *m
		// The server that the epoch belongs to is said to be of a cluster by now.
		if adopted = m.Identity == m.own; !adopted {
			if refused = d.primary.rivals.retakes(m.Server, m.Identity, time.Now()); refused != nil {
				return false
			}
			m.Epoch = event.NewEpoch()
		}
		m.Identity = m.Server
		after = *m
		return true
	})
	if err == nil && refused != nil {
		d.primary.drop() // the address may lead to the owner
		return false, refused
	}
	if changed && adopted {
		d.log.Info("the epoch belongs to the cluster from now on", "was", before.Identity, "is", after.Identity, "epoch", after.Epoch)
		return false, err
	}
	if changed && before.Identity != "" {
		d.primary.rivals.retaken(after.Server, time.Now())
		d.log.Warn("the primary is another server: a new epoch has begun",
			"was", before.Identity, "is", after.Identity, "epoch_was", before.Epoch, "epoch", after.Epoch)
	}
	return changed, err
}

// NewEpoch begins a new epoch, for a log that was restored.
func (d *DB) NewEpoch(ctx context.Context) error {
	_, err := d.changeMeta(ctx, func(m *meta) bool {
		m.Epoch, m.Identity = event.NewEpoch(), m.Server
		return true
	})
	return err
}

// KeepEpoch lets the current epoch go on with the server that is the primary
// now, for a planned switch-over in which nothing was lost.
func (d *DB) KeepEpoch(ctx context.Context) error {
	_, err := d.changeMeta(ctx, func(m *meta) bool {
		if m.Epoch == "" {
			m.Epoch = event.NewEpoch()
		}
		m.Identity = m.Server
		return true
	})
	return err
}

// changeMeta locks meta, reads it again and writes what change made of it.
// Appends hold a share of that lock: none is under way, and those that come
// after see the new epoch.
func (d *DB) changeMeta(ctx context.Context, change func(*meta) bool) (changed bool, err error) {
	err = d.writeAs(ctx, d.dialect.forUpdate, nil, func(t *tx, _ []channelRow) error {
		if t.meta.Refusal != "" {
			return t.meta.check()
		}
		var own []string
		if err := t.list(&own, "SELECT "+d.dialect.own); err != nil {
			return err
		}
		t.meta.own = own[0]
		if changed = change(&t.meta); !changed {
			return nil
		}
		return t.later("UPDATE meta SET epoch = ?, identity = ? WHERE id = 1", t.meta.Epoch, t.meta.Identity)
	})
	return changed && err == nil, err
}
