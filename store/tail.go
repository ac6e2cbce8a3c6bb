package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

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

// Tail reads the commit rows with ids above after, from the primary. seen tells
// which of them the caller has had; it is called for every row, in the order of
// ids, before Tail returns, and the changes of the others are read. Ids do not
// commit in their order (see MaxTransaction), so callers read an overlap again,
// and know rows by their tokens.
//
// An answer is bounded (about 4 MiB of changes): when more rows were unseen, Last
// is the id of the last one returned, and another call goes on from there. With
// seen always true it costs one short statement and says how far the tail
// reaches. Fails with ErrNotPrimary on a server that is not to be believed.
func (d *DB) Tail(ctx context.Context, after uint64, seen func(Token) bool) (Tail, error) {
	for range epochTries {
		tail, err := d.tailOnce(ctx, min(after, event.MaxSeq), seen)
		if !errors.Is(err, errTailMoved) {
			return tail, err
		}
	}
	return Tail{}, unavailable("read the tail", errTailMoved)
}

// tailRow is meta and low beside the id and token of a commit, or beside nothing.
type tailRow struct {
	meta
	Low   uint64  `db:"low"`
	ID    *uint64 `db:"id"`
	Token []byte  `db:"token"`
}

// tailRows returns at least one row.
func (d *DB) tailRows(ctx context.Context, after uint64) ([]tailRow, error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	var rows []tailRow
	if err := d.reader.SelectContext(ctx, &rows, "SELECT "+d.dialect.metaColumns()+", t.low, c.id, c.token"+
		" FROM meta m JOIN tail t ON t.id = 1 LEFT JOIN commits c ON c.id > ? WHERE m.id = 1 ORDER BY c.id", after); err != nil {
		return nil, d.dialect.failed("read the tail", err)
	}
	if len(rows) == 0 {
		return nil, d.metaFailed(errNoMeta)
	}
	return rows, d.reader.judge(rows[0].meta)
}

func (d *DB) tailOnce(ctx context.Context, after uint64, seen func(Token) bool) (Tail, error) {
	rows, err := d.tailRows(ctx, after)
	if err != nil {
		return Tail{}, err
	}
	tail := Tail{Epoch: rows[0].Epoch, Low: rows[0].Low, Last: max(after, rows[0].Low-1)}
	var unseen []Commit
	for _, r := range rows {
		if r.ID == nil {
			break // no commit at all
		}
		tail.Last = max(tail.Last, *r.ID)
		if token := Token(r.Token); !seen(token) {
			unseen = append(unseen, Commit{ID: *r.ID, Token: token})
		}
	}
	budget := tailBytes
	for chunk := range slices.Chunk(unseen, commitsPerStatement) {
		if budget <= 0 {
			tail.Last = tail.Commits[len(tail.Commits)-1].ID
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
	var rows []struct {
		ID      uint64 `db:"id"`
		Changes []byte `db:"changes"`
	}
	if err := d.reader.SelectContext(ctx, &rows, "SELECT id, changes FROM commits WHERE id IN ("+placeholders(len(args), "?")+") ORDER BY id", args...); err != nil {
		return 0, d.dialect.failed("read the tail", err)
	}
	if len(rows) != len(commits) {
		return 0, errTailMoved
	}
	for i, r := range rows {
		if commits[i].Changes, err = unpackChanges(r.Changes); err != nil {
			return 0, fmt.Errorf("read the tail: commit %d: %w", r.ID, err)
		}
		size += len(r.Changes)
	}
	return size, nil
}
