package store

import (
	"encoding/binary"
	"errors"

	"github.com/bellhop/bellhop/event"
)

const (
	changesVersion = 1
	changeRewrite  = 1 << 0
	changeRevoke   = 1 << 1
	changeNote     = 1 << 2
)

// packChanges writes the changes of a commit row: a version, then for each
// channel its flags, the length of its name, the name, its head and, if there is
// one, its note. Nothing counts them, the end of the value does.
func packChanges(changes []Change) []byte {
	b := make([]byte, 0, 1+len(changes)*48)
	b = append(b, changesVersion)
	for _, c := range changes {
		var flags byte
		if c.Rewrite {
			flags |= changeRewrite
		}
		if c.Revoke {
			flags |= changeRevoke
		}
		if c.Note != nil {
			flags |= changeNote
		}
		b = append(b, flags, byte(len(c.Channel)))
		b = append(b, c.Channel...)
		b = binary.AppendUvarint(b, c.Head)
		if c.Note != nil {
			b = c.Note.Append(b)
		}
	}
	return b
}

// unpackChanges reads what packChanges wrote. The names share one string.
func unpackChanges(b []byte) ([]Change, error) {
	if len(b) == 0 || b[0] != changesVersion {
		return nil, errors.New("a commit row of an unknown version")
	}
	whole := string(b)
	var changes []Change
	for b = b[1:]; len(b) > 0; {
		if len(b) < 2 || len(b) < 2+int(b[1]) {
			return nil, errors.New("a commit row is cut short")
		}
		flags, start, size := b[0], len(whole)-len(b)+2, int(b[1])
		head, n := binary.Uvarint(b[2+size:])
		if n <= 0 {
			return nil, errors.New("a commit row is cut short")
		}
		change := Change{
			Channel: event.Channel(whole[start : start+size]), Head: head,
			Rewrite: flags&changeRewrite != 0, Revoke: flags&changeRevoke != 0,
		}
		b = b[2+size+n:]
		if flags&changeNote != 0 {
			var err error
			if change.Note, b, err = event.ParseNote(b); err != nil {
				return nil, err
			}
		}
		changes = append(changes, change)
	}
	return changes, nil
}
