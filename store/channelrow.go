package store

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"

	"github.com/bellhop/bellhop/event"
)

// hash is the key of a channel in the database: its name's SHA-256, cut. There
// is no number to look up or to cache, so none to confuse after a fail-over.
type hash [16]byte

func hashOf(c event.Channel) hash {
	sum := sha256.Sum256([]byte(c))
	return hash(sum[:len(hash{})])
}

// errCollision: two names have one hash. Nobody has found such a pair, but a
// damaged row would look the same.
var errCollision = errors.New("a row of channels has another name than its hash says")

// channelRow is a row of channels.
type channelRow struct {
	Hash     []byte        `db:"hash"`
	Name     event.Channel `db:"name"`
	Head     uint64        `db:"head"`
	Floor    uint64        `db:"floor"`
	Version  uint64        `db:"version"`
	Unread   uint64        `db:"unread"`
	ReadUpTo uint64        `db:"read_up_to"`
	Muted    event.Muted   `db:"muted"`
}

const channelColumns = "c.hash, c.name, c.head, c.floor, c.version, c.unread, c.read_up_to, c.muted"

// keyed is a channel with its hash.
type keyed struct {
	hash hash
	name event.Channel
}

// byHash returns the channels, each once, in the order of their hashes: the one
// order in which rows of channels are locked, so that no two transactions can
// wait for each other.
func byHash(channels []event.Channel) []keyed {
	keys := make([]keyed, len(channels))
	for i, c := range channels {
		keys[i] = keyed{hashOf(c), c}
	}
	slices.SortFunc(keys, func(a, b keyed) int {
		return cmp.Or(bytes.Compare(a.hash[:], b.hash[:]), cmp.Compare(a.name, b.name))
	})
	return slices.Compact(keys)
}

// hashArgs is in for the hashes of keys.
func hashArgs(keys []keyed) (string, []any) {
	args := make([]any, len(keys))
	for i := range keys {
		args[i] = keys[i].hash[:]
	}
	return "(" + placeholders(len(keys), "?") + ")", args
}

// askRows returns the SELECTs that lock rows of channels, which come in the order
// of their hashes, and where the rows will be.
func (t *tx) askRows(keys []keyed) (found [][]channelRow, asks []ask) {
	n := (len(keys) + rowsPerStatement - 1) / rowsPerStatement
	found, asks = make([][]channelRow, n), make([]ask, 0, n)
	for chunk := range slices.Chunk(keys, rowsPerStatement) {
		list, args := hashArgs(chunk)
		asks = append(asks, ask{
			rows: &found[len(asks)],
			query: "SELECT " + channelColumns + " FROM channels c" + t.dialect.byPrimaryKey +
				" WHERE c.hash IN " + list + " ORDER BY c.hash" + t.dialect.forUpdate,
			args: args,
		})
	}
	return found, asks
}

// hold takes over rows that were locked.
func (t *tx) hold(found [][]channelRow) []channelRow {
	rows := slices.Concat(found...)
	if len(rows) > 0 {
		t.guard = &keyed{hash(rows[0].Hash), rows[0].Name}
	}
	return rows
}

// lockRows locks rows of channels, which come in the order of their hashes, and
// returns those that there are.
func (t *tx) lockRows(keys []keyed) ([]channelRow, error) {
	found, asks := t.askRows(keys)
	if err := t.lists(asks); err != nil {
		return nil, err
	}
	return t.hold(found), nil
}

// byName returns the rows of channels by their names, and the channels that have
// none.
func byName(keys []keyed, found []channelRow) (rows map[event.Channel]*channelRow, missing []keyed, err error) {
	rows = make(map[event.Channel]*channelRow, len(found))
	for i := range found {
		rows[found[i].Name] = &found[i]
	}
	for _, k := range keys {
		if rows[k.name] == nil {
			missing = append(missing, k)
		}
	}
	if len(found)+len(missing) != len(keys) {
		return nil, nil, errCollision
	}
	return rows, missing, nil
}

// writeChannel is writeTo for one channel; its row is nil if it has none.
func (d *DB) writeChannel(ctx context.Context, c event.Channel, fn func(*tx, *channelRow) error) error {
	keys := byHash([]event.Channel{c})
	return d.writeTo(ctx, keys, func(t *tx, found []channelRow) error {
		rows, _, err := byName(keys, found)
		if err != nil {
			return err
		}
		return fn(t, rows[c])
	})
}

// makeChannels inserts rows for channels that have none, each statement by
// itself: inside a transaction the gaps and the rows of all new channels would
// stay locked until it ends.
func (d *DB) makeChannels(t *tx, keys []keyed) error {
	for chunk := range slices.Chunk(keys, rowsPerStatement) {
		args := make([]any, 0, 2*len(chunk))
		for _, k := range chunk {
			args = append(args, k.hash[:], k.name)
		}
		if err := t.exec(d.dialect.insertIgnore+" channels (hash, name, head, floor, version, unread, read_up_to) VALUES "+
			placeholders(len(chunk), "(?, ?, 0, 0, 0, 0, 0)"), args...); err != nil {
			return fmt.Errorf("new channels: %w", err)
		}
	}
	return nil
}
