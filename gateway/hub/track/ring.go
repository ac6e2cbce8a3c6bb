package track

import (
	"unsafe"

	"github.com/bellhop/bellhop/event"
)

// Entry is one event as streams carry it. A nil Block stands for an event that was
// deleted or has expired: its seq is passed over. Blocks are shared: never write to one.
type Entry struct {
	Seq uint64
	// Block is the whole SSE block of a stream that has this channel alone: the
	// frame, its id line and the empty line. Streams of several channels take the
	// frame out of it and add an id line of their own.
	Block  []byte
	pushed int64 // into the ring, in nanoseconds since 1970
	Frame  int32 // length of the frame in Block
	Via    Via
	Mark   Mark
}

// Mark says where it is noted to whom an entry is handed. The zero value: nowhere. It fits
// into what Frame and Via leave of eight bytes.
type Mark struct {
	Lap  uint8 // never 0
	slot [2]byte
}

// NewMark makes a mark.
func NewMark(slot uint16, lap uint8) Mark { return Mark{lap, [2]byte{byte(slot >> 8), byte(slot)}} }

// Slot is the place of the mark.
func (m Mark) Slot() uint16 { return uint16(m.slot[0])<<8 | uint16(m.slot[1]) }

// Via says how an event came to this gateway, or to a stream.
type Via uint8

// Ways.
const (
	ViaBus    Via = iota // published, heard
	ViaFill              // a gap, filled from the log for all listeners
	ViaReplay            // read from the log for streams that were behind
	ViaCount
)

// typ is the type of the event; nil for one that was deleted.
func (e *Entry) typ() []byte { return event.Frame(e.Block[:e.Frame]).Type() }

func newEntry(ch event.Channel, at event.Position, f event.Frame, v Via) Entry {
	block := make([]byte, 0, len(f)+len("id: ")+20+event.MaxEpoch+1+len(ch)+2)
	block = append(block, f...)
	block = append(block, "id: "...)
	block = event.AppendCursor(block, len(block), at, ch)
	block = append(block, "\n\n"...)
	return Entry{Seq: at.Seq, Block: block, Frame: int32(len(f)), Via: v}
}

// ring keeps the newest entries of a channel, ascending in seq: all above base, or of a
// channel that conflates the newest of each type above base.
type ring struct {
	entries []Entry
	bytes   int // of their blocks
	base    uint64
}

// push adds the entry after the newest, and drops the oldest ones that are more than
// maxFrames or maxBytes.
func (r *ring) push(e Entry, maxFrames, maxBytes int) {
	r.entries = append(r.entries, e)
	r.bytes += len(e.Block)
	for len(r.entries) > 1 && (len(r.entries) > maxFrames || r.bytes > maxBytes) {
		r.shift()
	}
}

// shift drops the oldest entry: positions below it need the log from now on.
func (r *ring) shift() {
	r.bytes -= len(r.entries[0].Block)
	r.base = r.entries[0].Seq
	r.entries[0] = Entry{}
	r.entries = r.entries[1:]
}

// size is what the ring takes of memory, in bytes.
func (r *ring) size() int { return r.bytes + cap(r.entries)*int(unsafe.Sizeof(Entry{})) }

// expire drops the entries that were pushed before a moment.
func (r *ring) expire(before int64) {
	for len(r.entries) > 0 && r.entries[0].pushed < before {
		r.shift()
	}
}

// after returns the entries above seq.
func (r *ring) after(seq uint64) []Entry {
	i := len(r.entries)
	for i > 0 && r.entries[i-1].Seq > seq { // from the end: most listeners lack one or two
		i--
	}
	return r.entries[i:]
}
