package fanout

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/bellhop/bellhop/event"
)

// What travels in a message of the bus; the channel is the name it is published
// under:
//
//	byte 0      version
//	byte 1      length of the epoch
//	n bytes     epoch
//	8 bytes     seq, big endian
//	the rest    frame, or note, or nothing
//
// The version of a message with a trace is another one, and its 24 bytes stand before the
// frame. Who sends none is read by gateways that know nothing of traces.
//
// A gateway of another version than the notifier's, as during a deployment, can't
// read this. It is told that it missed something and asks the log.
const (
	wireSeq   = 8
	wireFixed = 2 + wireSeq
)

// WireVersion is the version of what travels. It is there for those who publish
// by a script on the Redis server itself, as package kept does: its append.lua
// has to render what appendWire does.
const WireVersion = 1

// wireTraced is the version of a message with a trace.
const wireTraced = 2

// errWire is what every refusal of bytes from the bus wraps.
var errWire = errors.New("unreadable message on the bus")

// appendWire renders m, without its frame if that is longer than maxFrame.
func appendWire(dst []byte, m *Message, maxFrame int) []byte {
	version := byte(WireVersion)
	if m.Trace != nil {
		version = wireTraced
	}
	dst = append(dst, version, byte(len(m.Epoch)))
	dst = append(dst, m.Epoch...)
	dst = binary.BigEndian.AppendUint64(dst, m.Seq)
	if m.Trace != nil {
		dst = append(dst, m.Trace[:]...)
	}
	switch {
	case m.Note != nil:
		return m.Note.Append(dst)
	case len(m.Frame) > maxFrame:
		return dst
	}
	return append(dst, m.Frame...)
}

// maxPayload is the longest message that appendWire renders.
func maxPayload(maxFrame int) int {
	const numbers = 5 + event.MaxNoteSeqs // of a note
	return wireFixed + event.MaxEpoch + TraceBytes + max(maxFrame, 2+numbers*binary.MaxVarintLen64)
}

// parseWire reads what appendWire wrote. Whoever can publish on the bus can send
// anything, so all is checked: what is neither frame nor note is left out, and the
// message is then the hint that it is without them. The frame is a part of b.
// An epoch that is the known one, as nearly all are, takes no memory of its own.
func parseWire(ch event.Channel, b []byte, known event.Epoch) (Message, error) {
	if len(b) < wireFixed {
		return Message{}, fmt.Errorf("%w: %d bytes", errWire, len(b))
	}
	if b[0] != WireVersion && b[0] != wireTraced {
		return Message{}, fmt.Errorf("%w: version %d", errWire, b[0])
	}
	n := int(b[1])
	if len(b) < wireFixed+n {
		return Message{}, fmt.Errorf("%w: cut short", errWire)
	}
	m := Message{Channel: ch, Epoch: known}
	if epoch := b[2 : 2+n]; string(epoch) != string(known) {
		m.Epoch = event.Epoch(epoch)
	}
	if !m.Epoch.Valid() {
		return Message{}, fmt.Errorf("%w: no epoch", errWire)
	}
	m.Seq = binary.BigEndian.Uint64(b[2+n : wireFixed+n])
	if m.Seq > event.MaxSeq {
		return Message{}, fmt.Errorf("%w: seq out of range", errWire)
	}
	rest := b[wireFixed+n:]
	if b[0] == wireTraced {
		if len(rest) < TraceBytes {
			return Message{}, fmt.Errorf("%w: cut short", errWire)
		}
		m.Trace = (*[TraceBytes]byte)(rest) // a part of b, as the frame is
		rest = rest[TraceBytes:]
	}
	if m.Seq == 0 {
		return m, nil
	}
	if event.ValidFrame(rest) {
		m.Frame = rest
	} else if note, more, err := event.ParseNote(rest); err == nil && len(more) == 0 && note.Head == m.Seq {
		m.Note = note
	}
	return m, nil
}
