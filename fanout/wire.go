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
//	the rest    frame, maybe none
//
// A gateway of another version than the notifier's, as during a deployment, can't
// read this. It is told that it missed something and asks the log.
const (
	wireVersion = 1
	wireSeq     = 8
	wireFixed   = 2 + wireSeq
)

// errWire is what every refusal of bytes from the bus wraps.
var errWire = errors.New("unreadable message on the bus")

// appendWire renders m, without its frame if that is longer than maxFrame.
func appendWire(dst []byte, m *Message, maxFrame int) []byte {
	dst = append(dst, wireVersion, byte(len(m.Epoch)))
	dst = append(dst, m.Epoch...)
	dst = binary.BigEndian.AppendUint64(dst, m.Seq)
	if len(m.Frame) > maxFrame {
		return dst
	}
	return append(dst, m.Frame...)
}

// parseWire reads what appendWire wrote. Whoever can publish on the bus can send
// anything, so all is checked: a frame that is none is left out, and the message
// is then the hint that it is without one. The result shares no memory with b.
func parseWire(ch event.Channel, b string) (Message, error) {
	if len(b) < wireFixed {
		return Message{}, fmt.Errorf("%w: %d bytes", errWire, len(b))
	}
	if b[0] != wireVersion {
		return Message{}, fmt.Errorf("%w: version %d", errWire, b[0])
	}
	n := int(b[1])
	if len(b) < wireFixed+n {
		return Message{}, fmt.Errorf("%w: cut short", errWire)
	}
	m := Message{Channel: ch, Epoch: event.Epoch(b[2 : 2+n])}
	if !m.Epoch.Valid() {
		return Message{}, fmt.Errorf("%w: no epoch", errWire)
	}
	m.Seq = binary.BigEndian.Uint64([]byte(b[2+n : wireFixed+n]))
	if m.Seq > event.MaxSeq {
		return Message{}, fmt.Errorf("%w: seq out of range", errWire)
	}
	if frame := event.Frame(b[wireFixed+n:]); m.Seq > 0 && event.ValidFrame(frame) {
		m.Frame = frame
	}
	return m, nil
}
