package store

import (
	"context"
	"errors"
	"fmt"

	"github.com/bellhop/bellhop/event"
)

// Heads reads the current epoch and the state of channels, in the order of the
// question, from the primary. Several channels of one name, and none at all, are
// fine; more than MaxChannels take several statements, which then agree on the
// epoch.
//
// fresh has it answered by a connection that is opened after the call began. A
// server that is read-only, or that the epoch does not belong to, is not
// believed: ErrNotPrimary. While the primary is away a replica answers, and the
// answer is Stale.
func (d *DB) Heads(ctx context.Context, channels []event.Channel, fresh bool) (Heads, error) {
	if fresh {
		d.primary.drop()
	}
	var heads Heads
	stale, err := d.primaryOrReplica(ctx, func(ctx context.Context, s *server) (err error) {
		heads, err = d.headsFrom(ctx, s, channels)
		return err
	})
	if err != nil {
		return Heads{}, err
	}
	heads.Stale = stale
	return heads, nil
}

// primaryOrReplica asks the primary or, while that one is away, the replicas until one
// answers: stale. If none does, the error is the primary's.
func (d *DB) primaryOrReplica(ctx context.Context, ask func(context.Context, *server) error) (stale bool, err error) {
	err = ask(ctx, d.reader)
	if err == nil || !primaryAway(ctx, err) || d.replicas.each(ctx, ask) != nil {
		return false, err
	}
	return true, nil
}

// primaryAway tells whether err means that there is no primary now: none answers, or
// what does takes no writes. Then a replica may. A server that takes writes and is of
// another life, or is refused, does answer, and to read past it would be to believe it.
// A caller who left wants no answer at all.
func primaryAway(ctx context.Context, err error) bool {
	return ctx.Err() == nil && errors.Is(err, ErrUnavailable) && !errors.Is(err, errForeign) && !errors.Is(err, ErrUnfit)
}

// headRow is a row of meta beside a row of channels, or beside nothing.
type headRow struct {
	meta
	Name    *event.Channel `db:"name"`
	Head    *uint64        `db:"head"`
	Floor   *uint64        `db:"floor"`
	Version *uint64        `db:"version"`
	Unread  *uint64        `db:"unread"`
}

// epochTries bounds how often a question that takes several statements is asked
// again because the epoch changed in between.
const epochTries = 3

var errEpochMoved = errors.New("the epoch changed while it was read")

func (d *DB) headsFrom(ctx context.Context, s *server, channels []event.Channel) (Heads, error) {
	for range epochTries {
		heads, err := d.headsOnce(ctx, s, channels)
		if !errors.Is(err, errEpochMoved) {
			return heads, err
		}
	}
	return Heads{}, unavailable("read heads", errEpochMoved)
}

func (d *DB) headsOnce(ctx context.Context, s *server, channels []event.Channel) (Heads, error) {
	known := make(map[event.Channel]Head, len(channels))
	for _, c := range channels {
		known[c] = Head{Channel: c}
	}
	var epoch event.Epoch
	keys := byHash(channels)
	for first := true; first || len(keys) > 0; first = false {
		n := min(len(keys), MaxChannels)
		rows, err := d.headRows(ctx, s, keys[:n])
		if err != nil {
			return Heads{}, err
		}
		keys = keys[n:]
		m := &rows[0].meta
		if s == d.reader {
			if err := s.judge(*m); err != nil {
				return Heads{}, err
			}
		}
		if !first && m.Epoch != epoch {
			return Heads{}, errEpochMoved
		}
		epoch = m.Epoch
		for _, r := range rows {
			if r.Name == nil {
				continue
			}
			if _, asked := known[*r.Name]; !asked {
				return Heads{}, fmt.Errorf("read heads: %w", errCollision)
			}
			known[*r.Name] = Head{Channel: *r.Name, Seq: *r.Head, Floor: *r.Floor, Version: *r.Version, Unread: *r.Unread}
		}
	}
	heads := Heads{Epoch: epoch, Heads: make([]Head, len(channels))}
	for i, c := range channels {
		heads.Heads[i] = known[c]
	}
	return heads, nil
}

// headRows returns at least one row.
func (d *DB) headRows(ctx context.Context, s *server, keys []keyed) ([]headRow, error) {
	on, args := "1 = 0", []any(nil)
	if len(keys) > 0 {
		on, args = hashArgs(keys)
		on = "c.hash IN " + on
	}
	var rows []headRow
	err := d.read(ctx, s, "read heads", &rows, "SELECT "+d.dialect.metaColumns()+", c.name, c.head, c.floor, c.version, c.unread"+
		" FROM meta m LEFT JOIN channels c ON "+on+" WHERE m.id = 1", args...)
	if err == nil && len(rows) == 0 {
		err = noMeta("read heads")
	}
	return rows, err
}
