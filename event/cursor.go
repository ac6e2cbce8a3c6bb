package event

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// MaxCursor bounds the text of a cursor that is parsed, in bytes. It holds the
// positions of a stream's 16 channels at their longest.
const MaxCursor = 16 * (19 + 1 + MaxEpoch + 1 + MaxChannel + 1)

// ErrCursor is what every refusal of a cursor wraps.
var ErrCursor = errors.New("invalid cursor")

// Cursor says how far a client has got in each channel of its stream. It is the
// id of the SSE blocks, "17.k3f9@user:42,205.9xq2@raffle:1": opaque to clients,
// who hand it back as Last-Event-ID. The zero value knows no position.
type Cursor struct {
	// All asks for everything that is retained, in every channel. It is
	// written "0" and then carries no positions.
	All       bool
	positions map[Channel]Position
}

// IsZero tells whether it knows nothing, as that of a client that comes for the first time.
func (c Cursor) IsZero() bool { return !c.All && len(c.positions) == 0 }

// ParseCursor reads a cursor. The empty string is the zero cursor. A channel
// named twice, a position out of range or anything else that String would not
// print is refused; the error wraps ErrCursor.
func ParseCursor(s string) (Cursor, error) {
	switch {
	case s == "":
		return Cursor{}, nil
	case s == "0":
		return Cursor{All: true}, nil
	case len(s) > MaxCursor:
		return Cursor{}, fmt.Errorf("%w: longer than %d bytes", ErrCursor, MaxCursor)
	}
	c := Cursor{positions: make(map[Channel]Position, strings.Count(s, ",")+1)}
	for part := range strings.SplitSeq(s, ",") {
		at, name, ok := strings.Cut(part, "@")
		if !ok {
			return Cursor{}, fmt.Errorf("%w: want seq.epoch@channel", ErrCursor)
		}
		ch, err := ParseChannel(name)
		if err != nil {
			return Cursor{}, fmt.Errorf("%w: %w", ErrCursor, err)
		}
		p, err := parsePosition(at)
		if err != nil {
			return Cursor{}, err
		}
		if _, twice := c.positions[ch]; twice {
			return Cursor{}, fmt.Errorf("%w: a channel is named twice", ErrCursor)
		}
		c.positions[ch] = p
	}
	return c, nil
}

// Position returns the position in one channel; ok is false if the cursor has none.
func (c Cursor) Position(ch Channel) (p Position, ok bool) {
	if c.All {
		return Position{}, true
	}
	p, ok = c.positions[ch]
	return p, ok
}

// AppendCursor adds one position to the text of a cursor that is being built in
// dst from offset start on, with the comma where one is needed.
func AppendCursor(dst []byte, start int, p Position, ch Channel) []byte {
	if len(dst) > start {
		dst = append(dst, ',')
	}
	dst = p.Append(dst)
	dst = append(dst, '@')
	return append(dst, ch...)
}

func parsePosition(s string) (Position, error) {
	num, epoch, dotted := strings.Cut(s, ".")
	seq, err := strconv.ParseUint(num, 10, 63)
	if err != nil || (len(num) > 1 && num[0] == '0') || num[0] == '+' {
		return Position{}, fmt.Errorf("%w: a seq is a decimal number without leading zeros", ErrCursor)
	}
	// A copy: a position may be kept for hours, and would keep all of the text that
	// it was cut from.
	p := Position{Seq: seq, Epoch: Epoch(strings.Clone(epoch))}
	switch {
	case !dotted && seq == 0: // "0@channel": from the beginning
	case dotted && p.Epoch.Valid():
	case dotted && p.Epoch == NoEpoch && seq == 0: // carried for a channel whose reset is still to be sent
	default:
		return Position{}, fmt.Errorf("%w: want seq.epoch@channel", ErrCursor)
	}
	return p, nil
}
