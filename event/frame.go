package event

import (
	"bytes"
	"time"
)

// Frame is what all streams that carry an event share of its SSE block: the
// event line and the data line, each with its LF. The id line, which may differ
// from stream to stream, and the empty line that ends the block come after it.
// The id is last on purpose: a client that adopts an id when its line arrives
// must not have skipped the data when the connection breaks inside the block.
//
// A frame is shared by many goroutines: never write to one.
type Frame []byte

// The constant pieces of a frame around the event's JSON.
const (
	frameType = "event: "
	frameData = "\ndata: "
	frameEnd  = "\n"
)

// AppendFrame renders an event. There is no other place that does, but for scripts
// that put the parts of NewFrameParts together: the notifier calls it for what it
// publishes, a gateway for what it read from the log, and the bytes are the same.
func AppendFrame(dst []byte, e *Event) []byte {
	dst = append(dst, frameType...)
	dst = append(dst, e.Type...)
	dst = append(dst, frameData...)
	dst = e.AppendJSON(dst)
	return append(dst, frameEnd...)
}

// NewFrame is AppendFrame into a slice of its own.
func NewFrame(e *Event) Frame {
	return AppendFrame(make([]byte, 0, len(e.Data)+2*len(e.Type)+len(e.Channel)+112), e)
}

// WithoutType is the frame without its event line: a browser hands such a block
// to onmessage. It shares f's memory.
func (f Frame) WithoutType() Frame {
	_, rest, _ := bytes.Cut(f, []byte{'\n'})
	return rest
}

// Type is the type in f's event line, without a copy.
func (f Frame) Type() []byte {
	line, _, _ := bytes.Cut(f, []byte{'\n'})
	return bytes.TrimPrefix(line, []byte("event: "))
}

// Time is when the log took the event. It reads what AppendJSON wrote; ok is
// false if that is not there.
func (f Frame) Time() (at time.Time, ok bool) {
	// Channel and type can't hold a quote, so the first match is the name.
	_, rest, found := bytes.Cut(f, []byte(jsonTime))
	if !found || len(rest) < len(timeLayout) {
		return time.Time{}, false
	}
	// Not time.Parse by timeLayout, which takes a multiple of the time: a gateway asks
	// for each event. UnmarshalText takes hours of one digit and commas too.
	text := rest[:len(timeLayout)]
	err := at.UnmarshalText(text)
	return at, err == nil && text[13] == ':' && text[19] == '.'
}

// ValidFrame tells whether b has the shape of a frame: an event line, a data
// line, nothing after them and no other line break or NUL anywhere. A gateway
// asks it of what came over the bus, so that nobody who can publish there can
// inject a block.
func ValidFrame(b []byte) bool {
	rest, ok := bytes.CutPrefix(b, []byte("event: "))
	if !ok {
		return false
	}
	typ, rest, ok := bytes.Cut(rest, []byte{'\n'})
	if !ok || len(typ) == 0 {
		return false
	}
	rest, ok = bytes.CutPrefix(rest, []byte("data: "))
	if !ok || len(rest) == 0 {
		return false
	}
	return bytes.IndexByte(rest, '\n') == len(rest)-1 && bytes.IndexByte(b, '\r') < 0 && bytes.IndexByte(b, 0) < 0
}

// FrameParts is the frame of an event whose seq and time are not known yet, for
// a log that assigns both where no Go runs. The frame is
//
//	BeforeSeq seq BeforeTime time BeforeData data AfterData
//
// with the seq in decimal, and the time in UTC with three digits of the second,
// such as 2026-11-21T20:15:28.123Z.
type FrameParts struct {
	BeforeSeq, BeforeTime, BeforeData, AfterData string
}

// NewFrameParts makes the parts around an event of a type on a channel. What
// comes of them is what AppendFrame writes.
func NewFrameParts(ch Channel, typ string) FrameParts {
	return FrameParts{
		BeforeSeq:  frameType + typ + frameData + jsonChannel + string(ch) + jsonSeq,
		BeforeTime: jsonType + typ + jsonTime,
		BeforeData: jsonData,
		AfterData:  jsonEnd + frameEnd,
	}
}
