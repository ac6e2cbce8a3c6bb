package store

import (
	"slices"
	"strings"
)

// Limits of single statements.
const (
	rowsPerStatement  = 500
	bytesPerStatement = 1 << 20
)

// placeholders returns n times group, joined by commas: "(?,?),(?,?)".
func placeholders(n int, group string) string {
	if n == 0 {
		return ""
	}
	return strings.Repeat(group+",", n-1) + group
}

// in returns "(?,?,…)" and the values as arguments.
func in[T any](values []T) (string, []any) {
	args := make([]any, len(values))
	for i, v := range values {
		args[i] = v
	}
	return "(" + placeholders(len(values), "?") + ")", args
}

// insert has rows inserted. into is the statement as far as the list of its columns, row
// is "(?, ?, …)", and values are those of one row after the other.
func (t *tx) insert(into, row string, values []any) error {
	columns := strings.Count(row, "?")
	for chunk := range slices.Chunk(values, columns*rowsPerStatement) {
		if err := t.later(into+" VALUES "+placeholders(len(chunk)/columns, row), chunk...); err != nil {
			return err
		}
	}
	return nil
}

// change has the rows of some events of a channel changed. what is the statement as far
// as its WHERE.
func (t *tx) change(what string, channel hash, seqs []uint64) error {
	for chunk := range slices.Chunk(seqs, rowsPerStatement) {
		list, args := in(chunk)
		if err := t.later(what+" WHERE channel = ? AND seq IN "+list, slices.Concat([]any{channel[:]}, args)...); err != nil {
			return err
		}
	}
	return nil
}

// pick returns those of some events of a channel that have a row in a table, which is
// called e, under a further condition. They stay in their order, which is ascending.
func (t *tx) pick(table string, row *channelRow, seqs []uint64, condition string, with ...any) ([]uint64, error) {
	var picked []uint64
	for chunk := range slices.Chunk(seqs, rowsPerStatement) {
		list, args := in(chunk)
		var found []uint64
		if err := t.list(&found, "SELECT e.seq FROM "+table+" e WHERE e.channel = ? AND e.seq IN "+list+" AND "+condition+" ORDER BY e.seq",
			slices.Concat([]any{row.Hash}, args, with)...); err != nil {
			return nil, err
		}
		picked = append(picked, found...)
	}
	return picked, nil
}

// forget deletes the first rows of a table that meet a condition with an order; more tells
// that there may be others. The server goes through them in the order of their primary key,
// in which appends lock theirs.
func forget[K any](t *tx, table, key, condition string, args ...any) (more bool, err error) {
	var keys []K
	query := "SELECT " + key + " FROM " + table + " WHERE " + condition + " LIMIT ?"
	if err := t.list(&keys, query, append(args, agePerStep)...); err != nil || len(keys) == 0 {
		return false, err
	}
	list, args := in(keys)
	return len(keys) == agePerStep, t.later("DELETE FROM "+table+" WHERE "+key+" IN "+list, args...)
}
