package hub

import (
	"unsafe"

	"github.com/bellhop/bellhop/event"
)

// entry is one event as streams carry it. A nil block stands for an event that
// was deleted or has expired: its seq is passed over.
type entry struct {
	seq uint64
	// block is the whole SSE block of a stream that has this channel alone: the
	// frame, its id line and the empty line. Streams of several channels take
	// the frame out of it and add an id line of their own.
	block  []byte
	pushed int64 // in nanoseconds since 1970
	frame  int32 // length of the frame in block
	via    via
}

// via says how an event came to this gateway, or to a stream.
type via uint8

const (
	viaBus    via = iota // published, heard
	viaFill              // a hole, filled from the log for all listeners
	viaReplay            // read from the log for streams that were behind
	viaCount
)

// typ is the type of the event; nil for one that was deleted.
func (e *entry) typ() []byte { return event.Frame(e.block[:e.frame]).Type() }

func newEntry(ch event.Channel, at event.Position, f event.Frame, v via) entry {
	block := make([]byte, 0, len(f)+len("id: ")+20+event.MaxEpoch+1+len(ch)+2)
	block = append(block, f...)
	block = append(block, "id: "...)
	block = event.AppendCursor(block, len(block), at, ch)
	block = append(block, "\n\n"...)
	return entry{seq: at.Seq, block: block, frame: int32(len(f)), via: v}
}

// ring keeps the newest entries of a channel, ascending in seq: all above base,
// or of a conflated channel the newest of each type above base.
type ring struct {
	entries []entry
	bytes   int
	base    uint64
}

// push adds the entry after the newest, and drops the oldest ones that are more
// than maxFrames or maxBytes.
func (r *ring) push(e entry, maxFrames, maxBytes int) {
	r.entries = append(r.entries, e)
	r.bytes += len(e.block)
	for len(r.entries) > 1 && (len(r.entries) > maxFrames || r.bytes > maxBytes) {
		r.shift()
	}
}

// shift drops the oldest entry: positions below it need the log from now on.
func (r *ring) shift() {
	r.bytes -= len(r.entries[0].block)
	r.base = r.entries[0].seq
	r.entries[0] = entry{}
	r.entries = r.entries[1:]
}

// size is what the ring takes of memory, in bytes.
func (r *ring) size() int { return r.bytes + cap(r.entries)*int(unsafe.Sizeof(entry{})) }

// expire drops the entries that were pushed before a moment.
func (r *ring) expire(before int64) {
	for len(r.entries) > 0 && r.entries[0].pushed < before {
		r.shift()
	}
}

// after returns the entries above seq.
func (r *ring) after(seq uint64) []entry {
	i := len(r.entries)
	for i > 0 && r.entries[i-1].seq > seq { // from the end: most listeners lack one or two
		i--
	}
	return r.entries[i:]
}
