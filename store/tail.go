package store

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/bellhop/bellhop/event"
)

const (
	// tailBytes bounds the changes that one Tail call reads, give or take one
	// statement.
	tailBytes = 4 << 20
	// commitsPerStatement is how many rows of changes are read at once.
	commitsPerStatement = 50
)

// errTailMoved: rows were deleted between the two questions of a Tail.
var errTailMoved = errors.New("the tail moved while it was read")

// Tail reads the commit rows with ids above after.ID, from the primary. seen
// tells which of them the caller has had; it is called for every row, in the
// order of ids, before Tail returns, and the changes of the others are read. Ids
// do not commit in their order (see MaxTransaction), so callers go on from
// Settled, or from where they stood that long ago, and know rows by their tokens.
//
// An answer is bounded (about 4 MiB of changes): when more rows were unseen, Last
// is the last one returned, and another call goes on from there. With seen always
// true it costs one short statement and says how far the tail reaches. Fails with
// ErrNotPrimary on a server that is not to be believed.
func (d *DB) Tail(ctx context.Context, after Mark, seen func(Mark) bool) (Tail, error) {
	after.ID = min(after.ID, event.MaxSeq)
	for range epochTries {
		tail, err := d.tailOnce(ctx, after, seen)
		if !errors.Is(err, errTailMoved) {
			return tail, err
		}
	}
	return Tail{}, unavailable("read the tail", errTailMoved)
}

// tailRows returns how far down the tail reaches, and the rows from an id on,
// ascending. It is one statement, so one snapshot.
func (d *DB) tailRows(ctx context.Context, from uint64) (m meta, low uint64, marks []Mark, err error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	rows, err := d.reader.QueryContext(ctx, "SELECT "+d.dialect.metaColumns()+", t.low, NULL AS id, NULL AS token"+
		" FROM meta m JOIN tail t ON t.id = 1 WHERE m.id = 1"+
		" UNION ALL SELECT "+strings.Repeat("NULL, ", 6)+"c.id, c.token FROM commits c WHERE c.id >= ?", from)
	if err != nil {
		return m, 0, nil, d.dialect.failed("read the tail", err)
	}
	defer rows.Close()
	// Pointers: a row has the columns of one of the two tables.
	var epoch *event.Epoch
	var identity, server, refusal *string
	var now, reach, id *int64
	var token sql.RawBytes
	err = noMeta("read the tail")
	for rows.Next() {
		if err := rows.Scan(&epoch, &identity, &server, &refusal, &now, &reach, &id, &token); err != nil {
			return m, 0, nil, d.dialect.failed("read the tail", err)
		}
		if id == nil {
			m = meta{Epoch: *epoch, Identity: *identity, Server: *server, Refusal: *refusal, Now: *now}
			low, err = uint64(*reach), nil
			continue
		}
		mark := Mark{ID: uint64(*id)}
		copy(mark.Token[:], token)
		marks = append(marks, mark)
	}
	if err := rows.Err(); err != nil {
		return m, 0, nil, d.dialect.failed("read the tail", err)
	}
	if err != nil {
		return m, 0, nil, err
	}
	// In place already, as far as anybody has seen; a union does not promise it.
	slices.SortFunc(marks, func(a, b Mark) int { return cmp.Compare(a.ID, b.ID) })
	return m, low, marks, d.reader.judge(m)
}

func (d *DB) tailOnce(ctx context.Context, after Mark, seen func(Mark) bool) (Tail, error) {
	m, low, marks, err := d.tailRows(ctx, after.ID)
	if err != nil {
		return Tail{}, err
	}
	tail := Tail{Epoch: m.Epoch, Low: low, Last: after}
	if after.ID < low {
		tail.Last = Mark{ID: low - 1}
	}
	if len(marks) > 0 && marks[0].ID == after.ID {
		tail.Lost = after.known() && marks[0].Token != after.Token
		marks = marks[1:]
	} else {
		tail.Lost = after.known() && after.ID >= low
	}
	tail.Settled = tail.Last
	var unseen []Commit
	for _, mark := range marks {
		if mark.ID == tail.Settled.ID+1 {
			tail.Settled = mark
		}
		if mark.ID > tail.Last.ID {
			tail.Last = mark
		}
		if !seen(mark) {
			unseen = append(unseen, Commit{Mark: mark})
		}
	}
	budget := tailBytes
	for chunk := range slices.Chunk(unseen, commitsPerStatement) {
		if budget <= 0 {
			tail.Last = tail.Commits[len(tail.Commits)-1].Mark
			if tail.Settled.ID > tail.Last.ID {
				tail.Settled = tail.Last
			}
			break
		}
		size, err := d.readChanges(ctx, chunk)
		if err != nil {
			return Tail{}, err
		}
		budget -= size
		tail.Commits = append(tail.Commits, chunk...)
	}
	return tail, nil
}

// readChanges reads what commits changed. Rows never change, so it does not
// matter that this is another snapshot, unless a row has gone.
func (d *DB) readChanges(ctx context.Context, commits []Commit) (size int, err error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	args := make([]any, len(commits))
	for i := range commits {
		args[i] = commits[i].ID
	}
	rows, err := d.reader.QueryContext(ctx, "SELECT id, changes FROM commits WHERE id IN ("+placeholders(len(args), "?")+") ORDER BY id", args...)
	if err != nil {
		return 0, d.dialect.failed("read the tail", err)
	}
	defer rows.Close()
	var id int64
	var packed sql.RawBytes
	n := 0
	for ; rows.Next() && n < len(commits); n++ {
		if err := rows.Scan(&id, &packed); err != nil {
			return 0, d.dialect.failed("read the tail", err)
		}
		if commits[n].Changes, err = unpackChanges(packed); err != nil {
			return 0, fmt.Errorf("read the tail: commit %d: %w", id, err)
		}
		size += len(packed)
	}
	if err := rows.Err(); err != nil {
		return 0, d.dialect.failed("read the tail", err)
	}
	if n != len(commits) {
		return 0, errTailMoved
	}
	return size, nil
}
