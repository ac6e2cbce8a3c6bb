package event

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// MaxNoteSeqs is the most events that one Note names.
const MaxNoteSeqs = 1000

// NoteKind says what a Note's change did.
type NoteKind uint8

// What changes do to the events of an inbox.
const (
	NoteOther   NoteKind = iota // not said, or too much to say
	NoteRead                    // marked as read
	NoteUnread                  // marked as unread
	NoteRemoved                 // taken away: deleted, expired or trimmed
	// NoteReplaced: newer events with the same collapse key stand for these,
	// in lists and counts. They stay in the channel.
	NoteReplaced
	noteKinds // those before it are packed as they are; see disguise
	NoteSeen  // all up to UpTo, which is not 0, were seen; the count stays
	// NoteArchived: these left lists and counts, read ones among them. They stay in
	// the channel.
	NoteArchived
	NoteRenewed // as NoteReplaced, read ones among them
	NoteMuted   // the person mutes Muted from now on; nothing else changed
)

// What UpTo is of kinds that travel as NoteReplaced.
const (
	archivedMark = 1
	renewedMark  = 2
)

// disguise is how a note travels. Gateways of the version before refuse kinds that
// they do not know, and with such a note all that the tail says. So newer kinds
// travel as older ones, with an UpTo that those never have. What is muted travels as
// NoteOther with seqs, which that never has: see Append.
func (n *Note) disguise() (kind NoteKind, upTo uint64) {
	switch n.Kind {
	case NoteSeen:
		return NoteOther, n.UpTo
	case NoteArchived:
		return NoteReplaced, archivedMark
	case NoteRenewed:
		return NoteReplaced, renewedMark
	case NoteMuted:
		return NoteOther, 0
	default:
		return n.Kind, n.UpTo
	}
}

// undisguise takes back what disguise did.
func (n *Note) undisguise() {
	switch {
	case n.Kind == NoteOther && n.UpTo > 0:
		n.Kind = NoteSeen
	case n.Kind == NoteReplaced && n.UpTo == archivedMark:
		n.Kind, n.UpTo = NoteArchived, 0
	case n.Kind == NoteReplaced && n.UpTo == renewedMark:
		n.Kind, n.UpTo = NoteRenewed, 0
	}
}

// Note tells how an inbox stands after a change of what is read in it. It is
// a state first: of two notes of one epoch the one with the higher Version is
// right, and no other needs to be known. UpTo and Seqs spare those who did not
// miss any a look at the list.
type Note struct {
	Version uint64 // of the channel, changes with everything that happens to it
	Head    uint64 // the newest seq
	Unread  uint64 // how many of the events up to Head are unread
	Kind    NoteKind
	// UpTo, if not zero: all events up to there were marked as read, or seen.
	UpTo uint64
	// Seqs are the events that the change was about, at most MaxNoteSeqs,
	// ascending. With neither UpTo nor Seqs it is not said which.
	Seqs []uint64
	// Muted is all that is muted, with NoteMuted.
	Muted Muted
}

// errNote is what every refusal of a packed note wraps.
var errNote = errors.New("unreadable note")

// noteMark is the first byte of a packed note. No frame begins with it.
const noteMark = 1

// Append packs n: the mark, the kind, then unsigned varints: version, head,
// unread, up to, how many seqs, and each of these less the one before it. Of what is
// muted each byte of the text stands for such a step; of nothing, a comma's.
func (n *Note) Append(dst []byte) []byte {
	kind, upTo := n.disguise()
	dst = append(dst, noteMark, byte(kind))
	text := ""
	if n.Kind == NoteMuted {
		text = cmp.Or(string(n.Muted), ",")
	}
	for _, v := range []uint64{n.Version, n.Head, n.Unread, upTo, uint64(len(n.Seqs) + len(text))} {
		dst = binary.AppendUvarint(dst, v)
	}
	dst = append(dst, text...)
	var last uint64
	for _, seq := range n.Seqs {
		dst = binary.AppendUvarint(dst, seq-last)
		last = seq
	}
	return dst
}

// ParseNote reads what Append packed, and returns what follows it. It takes
// bytes from anybody: numbers out of range, seqs that do not ascend and kinds
// that there are not are refused.
func ParseNote(b []byte) (n *Note, rest []byte, err error) {
	if len(b) < 2 || b[0] != noteMark || b[1] >= byte(noteKinds) {
		return nil, nil, fmt.Errorf("%w: no mark", errNote)
	}
	n, rest = &Note{Kind: NoteKind(b[1])}, b[2:]
	var count uint64
	for _, to := range []*uint64{&n.Version, &n.Head, &n.Unread, &n.UpTo, &count} {
		if *to, rest, err = takeUvarint(rest); err != nil {
			return nil, nil, err
		}
	}
	if count > MaxNoteSeqs {
		return nil, nil, fmt.Errorf("%w: %d seqs", errNote, count)
	}
	n.undisguise()
	if count == 0 {
		return n, rest, nil
	}
	if n.Kind == NoteOther {
		rest, err = n.takeMuted(rest, count)
		return n, rest, err
	}
	n.Seqs = make([]uint64, count)
	var seq uint64
	for i := range n.Seqs {
		var step uint64
		if step, rest, err = takeUvarint(rest); err != nil {
			return nil, nil, err
		}
		if step == 0 || step > MaxSeq-seq {
			return nil, nil, fmt.Errorf("%w: seqs out of order", errNote)
		}
		seq += step
		n.Seqs[i] = seq
	}
	return n, rest, nil
}

// takeMuted reads what is muted.
func (n *Note) takeMuted(b []byte, size uint64) (rest []byte, err error) {
	if uint64(len(b)) < size {
		return nil, fmt.Errorf("%w: cut short", errNote)
	}
	text := Muted(b[:size])
	if text == "," {
		text = ""
	}
	if n.Muted, err = NewMuted(text.Types()); err != nil || n.Muted != text {
		return nil, fmt.Errorf("%w: neither seqs nor what is muted", errNote)
	}
	n.Kind = NoteMuted
	return b[size:], nil
}

// takeUvarint reads a number that fits a signed 64-bit column.
func takeUvarint(b []byte) (uint64, []byte, error) {
	v, n := binary.Uvarint(b)
	if n <= 0 || v > math.MaxInt64 {
		return 0, nil, fmt.Errorf("%w: a number is cut short or out of range", errNote)
	}
	return v, b[n:], nil
}
