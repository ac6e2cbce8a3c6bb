package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/bellhop/bellhop/event"
)

// Append writes a group of entries in one transaction: all of them or, with an
// error, none. The entries of one channel get their seqs in the order of the
// group, contiguous with what is there. Appended runs parallel to entries.
//
// Entries with a Key may end otherwise than their neighbours: as a replay, which
// appends nothing, or with Err set. ErrKeyBusy comes after a wait of about a
// second, in which the whole group waits; call again with that entry alone for a
// longer one.
//
// An error that wraps ErrNotWritten says that nothing was written: with
// ErrUnavailable the same call may succeed later, without it the values of some
// entry do not fit the schema. An error with ErrUnavailable alone says that
// nobody knows; entries with a Key may be repeated to find out. Deadlocks and
// lost races are repeated here and do not reach the caller.
//
// If the primary turns out to be another server, a new epoch begins first.
func (d *DB) Append(ctx context.Context, entries []Entry) (event.Epoch, []Appended, error) {
	for i := range entries {
		if n := len(entries[i].Channels); n < 1 || n > MaxChannels {
			return "", nil, fmt.Errorf("%w: entry %d names %d channels", ErrNotWritten, i, n)
		}
	}
	if len(entries) == 0 {
		return "", nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, writeBudget)
	defer cancel()
	g := newGroup(entries)
	for try := 1; ; try++ {
		err := d.appendOnce(ctx, g)
		switch {
		case err == nil:
			return g.epoch, g.results, nil
		case try == writeTries, !errors.Is(err, ErrNotWritten):
			return "", nil, err
		case errors.Is(err, errForeign):
			if _, err := d.CheckIdentity(ctx); err != nil {
				return "", nil, fmt.Errorf("%w: %w", ErrNotWritten, err)
			}
		case errors.Is(err, errKeyLock):
			if err := d.findBusyKeys(ctx, g); err != nil {
				return "", nil, fmt.Errorf("%w: %w", ErrNotWritten, err)
			}
		default:
			return "", nil, err
		}
	}
}

// appendOnce runs the transaction of a group, and makes the channels that it
// finds missing.
func (d *DB) appendOnce(ctx context.Context, g *group) error {
	if !g.keyed() {
		keys := byHash(g.channels())
		return d.writeTo(ctx, keys, func(t *tx, rows []channelRow) error {
			g.reset()
			return d.appendTo(t, g, keys, rows)
		})
	}
	return d.write(ctx, func(t *tx) error {
		g.reset()
		if err := t.claimKeys(g); err != nil {
			return err
		}
		keys := byHash(g.channels())
		rows, err := t.lockRows(keys)
		if err != nil {
			return err
		}
		return d.appendTo(t, g, keys, rows)
	})
}

// appendTo appends the entries of a group whose keys are claimed to channels
// whose rows are locked.
func (d *DB) appendTo(t *tx, g *group, keys []keyed, found []channelRow) error {
	rows, missing, err := byName(keys, found)
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		// Most channels exist, so looking for new ones costs nothing until
		// there are some. Then the transaction starts again.
		return d.restartWith(t, missing)
	}
	g.assign(rows, t.meta)
	if err := t.collapse(g); err != nil {
		return err
	}
	return t.insertGroup(g)
}

// restartWith ends the transaction, makes rows for channels on its connection,
// and has it run again.
func (d *DB) restartWith(t *tx, missing []keyed) error {
	query, args := t.gathered("ROLLBACK")
	if err := t.leave(t.ctx, query, args...); err != nil {
		return t.failed("roll back", err)
	}
	if err := d.makeChannels(t, missing); err != nil {
		return err
	}
	return errRestart
}

// insertGroup writes what assign made of a group.
func (t *tx) insertGroup(g *group) error {
	if err := t.insertEvents(g.events); err != nil {
		return err
	}
	if err := t.advanceHeads(g.grown); err != nil {
		return err
	}
	if err := t.answerKeys(g); err != nil {
		return err
	}
	for i := range g.grown {
		k := &g.grown[i]
		if err := t.replace(k); err != nil {
			return err
		}
		t.changes = append(t.changes, Change{Channel: k.row.Name, Head: k.row.Head + k.by, Note: g.note(k)})
	}
	return nil
}

// insertEvents writes rows of events in statements of bounded size.
func (t *tx) insertEvents(events []eventRow) error {
	var expiring, escalating []any
	for len(events) > 0 {
		n, size := 0, 0
		for n < len(events) && n < rowsPerStatement && (n == 0 || size+len(events[n].data) <= bytesPerStatement) {
			size += len(events[n].data)
			n++
		}
		args := make([]any, 0, 7*n)
		for i := range events[:n] {
			e := &events[i]
			args = append(args, e.channel[:], e.seq, e.entry.Type, e.createdAt, e.expiresAt, e.entry.CollapseKey, e.data)
			if e.expiresAt != 0 {
				expiring = append(expiring, e.expiresAt, e.channel[:], e.seq)
			}
			if e.inbox {
				for _, x := range e.entry.Escalate {
					escalating = append(escalating, x.at(e.createdAt, e.channel), e.channel[:], x.Target, e.seq, x.Unless)
				}
			}
		}
		if err := t.later("INSERT INTO events (channel, seq, type, flags, created_at, expires_at, collapse_key, data) VALUES "+
			placeholders(n, "(?, ?, ?, 0, ?, ?, ?, ?)"), args...); err != nil {
			return err
		}
		events = events[n:]
	}
	for chunk := range slices.Chunk(expiring, 3*rowsPerStatement) {
		if err := t.later("INSERT INTO expiries (at, channel, seq) VALUES "+placeholders(len(chunk)/3, "(?, ?, ?)"), chunk...); err != nil {
			return err
		}
	}
	for chunk := range slices.Chunk(escalating, 5*rowsPerStatement) {
		if err := t.later("INSERT INTO escalations (at, channel, target, seq, unless) VALUES "+placeholders(len(chunk)/5, "(?, ?, ?, ?, ?)"), chunk...); err != nil {
			return err
		}
	}
	return nil
}

// advanceHeads moves the heads of channels that grew. Nearly all of a group grow
// by the same number of events, so the statements are few.
func (t *tx) advanceHeads(grown []growth) error {
	type steps struct{ head, unread uint64 }
	bySteps := make(map[steps][]keyed)
	for i := range grown {
		k := &grown[i]
		by := steps{k.by, k.by - uint64(len(k.replaced))} // an event replaces one at most
		bySteps[by] = append(bySteps[by], keyed{hash(k.row.Hash), k.row.Name})
	}
	for by, keys := range bySteps {
		for chunk := range slices.Chunk(keys, rowsPerStatement) {
			list, args := hashArgs(chunk)
			if err := t.later("UPDATE channels SET head = head + ?, unread = unread + ?, version = version + 1 WHERE hash IN "+list,
				append([]any{by.head, by.unread}, args...)...); err != nil {
				return err
			}
		}
	}
	return nil
}
