package event

import (
	"crypto/rand"
	"encoding/base32"
	"math"
	"strconv"
)

// Epoch names one life of a log. Epochs are compared for equality, never
// ordered. The zero value means that none is known.
type Epoch string

// NoEpoch stands in a cursor for a position that could not be read. It equals
// no epoch of a log, so whoever resumes from it is told of a reset.
const NoEpoch Epoch = "-"

// MaxEpoch is the longest epoch, in bytes.
const MaxEpoch = 16

// MaxSeq is the highest seq: what a signed 64-bit column holds.
const MaxSeq = math.MaxInt64

// NewEpoch draws an epoch at random. Epochs are never counted: two notifiers
// that begin one at the same moment must not agree by accident.
func NewEpoch() Epoch {
	var b [5]byte
	rand.Read(b[:]) // never fails, by its contract
	return Epoch(epochAlphabet.EncodeToString(b[:]))
}

var epochAlphabet = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// Valid tells whether e can name the life of a log: 1 to MaxEpoch of a-z and 0-9.
func (e Epoch) Valid() bool {
	if e == "" || len(e) > MaxEpoch {
		return false
	}
	for i := range len(e) {
		if c := e[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// Position is a place in a channel: everything up to and including Seq has been
// had. With an empty Epoch (and Seq 0) it is the beginning: all that is retained,
// without a word about what was trimmed.
type Position struct {
	Epoch Epoch
	Seq   uint64
}

// Append writes p as it stands in a cursor in front of "@channel":
// "17.k3f9", or "0" for the beginning.
func (p Position) Append(dst []byte) []byte {
	dst = strconv.AppendUint(dst, p.Seq, 10)
	if p.Epoch != "" {
		dst = append(dst, '.')
		dst = append(dst, p.Epoch...)
	}
	return dst
}

func (p Position) String() string { return string(p.Append(nil)) }
