package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bellhop/bellhop/event"
)

// keyID is the key of an idempotency record: a hash of service and value.
type keyID [sha256.Size]byte

// ID is a hash of service and value, by which a log remembers the key.
func (k *Key) ID() [sha256.Size]byte {
	// The length keeps ("a", "bc") and ("ab", "c") apart.
	b := binary.AppendUvarint(nil, uint64(len(k.Service)))
	b = append(b, k.Service...)
	return sha256.Sum256(append(b, k.Value...))
}

// keyRow is an idempotency record.
type keyRow struct {
	ID     []byte `db:"id"`
	Body   []byte `db:"body"`
	Answer []byte `db:"answer"`

	entry int // the first entry of the group that has it
}

// errKeyLock: some key of the group is held by a transaction that does not end.
var errKeyLock = fmt.Errorf("%w: an idempotency key is locked", ErrUnavailable)

// claimKeys takes the idempotency keys of a group, before any row of channels,
// so that the one who waits for a key holds up nobody else. It sorts out the
// entries whose key was used before.
func (t *tx) claimKeys(g *group) (err error) {
	claims := g.claims()
	if len(claims) == 0 {
		return nil
	}
	defer func() {
		if err != nil {
			t.broken = true // rather than to bring its lock wait back
		}
	}()
	if err := t.waitForLocks(t.dialect.quickLocks); err != nil {
		return err
	}
	rows, err := t.insertKeys(claims)
	if errors.Is(err, errLock) {
		return errKeyLock // and not errAgain: the waiting was done
	}
	if err != nil {
		return err
	}
	if err := t.waitForLocks(t.dialect.usualLocks); err != nil {
		return err
	}
	for _, k := range claims {
		row, used := rows[keyID(k.ID)]
		if !used {
			g.keys = append(g.keys, k)
			continue
		}
		if err := g.replay(k.entry, row); err != nil {
			return err
		}
	}
	g.settleRepeats()
	return nil
}

// waitForLocks sets how long the statements that follow wait for a lock.
func (t *tx) waitForLocks(statement string) error {
	if statement == "" {
		return nil
	}
	return t.later(statement)
}

// claims lists the keys of the group, each once, in the order of their ids, in
// which everybody locks them. The second entry with the same key is judged by
// the first.
func (g *group) claims() []*keyRow {
	first := make(map[keyID]int)
	var claims []*keyRow
	barred := make(map[event.Channel]bool) // where entries that are InOrder wait
	for i := range g.entries {
		k := g.entries[i].Key
		if k == nil {
			continue
		}
		id := k.ID()
		if g.busy[id] || len(barred) > 0 && g.entries[i].follows(barred) {
			g.skip[i] = true
			g.results[i].Err = ErrKeyBusy
			g.entries[i].bar(barred)
			continue
		}
		if j, again := first[id]; again {
			g.skip[i] = true
			g.repeat[i] = j
			continue
		}
		first[id] = i
		claims = append(claims, &keyRow{ID: id[:], Body: k.Body[:], entry: i})
	}
	slices.SortFunc(claims, func(a, b *keyRow) int { return bytes.Compare(a.ID, b.ID) })
	return claims
}

// follows tells whether an entry must not pass those that wait in some channels.
func (e *Entry) follows(barred map[event.Channel]bool) bool {
	return e.InOrder && slices.ContainsFunc(e.Channels, func(ch event.Channel) bool { return barred[ch] })
}

// bar has entries that must not pass this one wait as well.
func (e *Entry) bar(barred map[event.Channel]bool) {
	if e.InOrder {
		for _, ch := range e.Channels {
			barred[ch] = true
		}
	}
}

// insertKeys inserts records without an answer, and returns those that were
// there before. An insert waits for a transaction that has inserted the same key
// and is not over, up to the lock wait.
func (t *tx) insertKeys(claims []*keyRow) (map[keyID]*keyRow, error) {
	used := make(map[keyID]*keyRow)
	for chunk := range slices.Chunk(claims, rowsPerStatement) {
		args := make([]any, 0, 4*len(chunk))
		ids := make([]any, 0, len(chunk))
		for _, k := range chunk {
			args = append(args, k.ID, k.Body, t.meta.Now, []byte{})
			ids = append(ids, k.ID)
		}
		n, err := t.execCount(t.dialect.insertIgnore+" idempotency_keys (id, body, at, answer) VALUES "+placeholders(len(chunk), "(?, ?, ?, ?)"), args...)
		if err != nil {
			return nil, err
		}
		if n == int64(len(chunk)) {
			continue
		}
		var rows []*keyRow
		if err := t.list(&rows, "SELECT id, body, answer FROM idempotency_keys WHERE id IN ("+placeholders(len(ids), "?")+")", ids...); err != nil {
			return nil, err
		}
		for _, row := range rows {
			if len(row.Answer) > 0 { // ours has none yet
				used[keyID(row.ID)] = row
			}
		}
	}
	return used, nil
}

// replay answers an entry from the record of its key.
func (g *group) replay(i int, row *keyRow) error {
	g.skip[i] = true
	if !bytes.Equal(row.Body, g.entries[i].Key.Body[:]) {
		g.results[i].Err = ErrKeyBody
		return nil
	}
	at, seqs, err := unpackAnswer(row.Answer)
	if err != nil {
		return err
	}
	if len(seqs) != len(g.entries[i].Channels) {
		g.results[i].Err = ErrKeyBody // a hash that does not cover the channels is no fingerprint
		return nil
	}
	g.results[i] = Appended{Seqs: seqs, Time: at, Replayed: true}
	return nil
}

// settleRepeats judges the entries that share a key with an earlier one of the
// group. Those that will have its answer get it once there is one.
func (g *group) settleRepeats() {
	for i, first := range g.repeat {
		switch {
		case g.entries[i].Key.Body != g.entries[first].Key.Body:
			g.results[i].Err = ErrKeyBody
		case g.skip[first]:
			g.results[i] = g.results[first]
		default:
			continue
		}
		delete(g.repeat, i)
	}
}

// answerKeys records the answers under the keys that the group has claimed.
func (t *tx) answerKeys(g *group) error {
	values := make([]any, 0, 4*len(g.keys))
	for _, k := range g.keys {
		values = append(values, k.ID, k.Body, t.meta.Now, packAnswer(g.results[k.entry]))
	}
	return t.insert("REPLACE INTO idempotency_keys (id, body, at, answer)", "(?, ?, ?, ?)", values)
}

// findBusyKeys finds the keys of the group that a transaction under way holds:
// those that a dirty read sees and a clean one does not. If there are none by
// now, the one who held them is done.
func (d *DB) findBusyKeys(ctx context.Context, g *group) error {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	var ids []any
	for _, k := range g.claims() {
		ids = append(ids, k.ID)
	}
	conn, err := d.primary.Connx(ctx)
	if err != nil {
		return d.dialect.failed("connect", err)
	}
	t := &tx{ctx: ctx, conn: conn, dialect: d.dialect}
	defer t.end()
	for chunk := range slices.Chunk(ids, rowsPerStatement) {
		query := "SELECT id FROM idempotency_keys WHERE id IN (" + placeholders(len(chunk), "?") + ")"
		if err := t.exec(d.dialect.dirty); err != nil {
			return err
		}
		var seen, settled [][]byte
		if err := errors.Join(t.list(&seen, query, chunk...), t.list(&settled, query, chunk...)); err != nil {
			return err
		}
		for _, id := range settled {
			seen = slices.DeleteFunc(seen, func(b []byte) bool { return bytes.Equal(b, id) })
		}
		for _, id := range seen {
			g.busy[keyID(id)] = true
		}
	}
	return nil
}

const answerVersion = 1

// packAnswer writes what an entry was answered: a version, the time in
// milliseconds, and the seqs.
func packAnswer(a Appended) []byte {
	b := append(make([]byte, 0, 10+4*len(a.Seqs)), answerVersion)
	b = binary.AppendVarint(b, a.Time.UnixMilli())
	for _, seq := range a.Seqs {
		b = binary.AppendUvarint(b, seq)
	}
	return b
}

// unpackAnswer reads what packAnswer wrote.
func unpackAnswer(b []byte) (time.Time, []uint64, error) {
	broken := errors.New("an idempotency record is broken")
	if len(b) == 0 || b[0] != answerVersion {
		return time.Time{}, nil, broken
	}
	ms, n := binary.Varint(b[1:])
	if n <= 0 {
		return time.Time{}, nil, broken
	}
	var seqs []uint64
	for b = b[1+n:]; len(b) > 0; {
		seq, n := binary.Uvarint(b)
		if n <= 0 {
			return time.Time{}, nil, broken
		}
		seqs = append(seqs, seq)
		b = b[n:]
	}
	return unixMilli(ms), seqs, nil
}
