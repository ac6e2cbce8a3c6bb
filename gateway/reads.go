package gateway

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fleet"
)

// maxReadSeqs is how many seqs of one call are remembered.
const maxReadSeqs = 16

// reads remembers the newest calls that marked events as read, for those who are asked
// about them later.
type reads struct {
	mu    sync.Mutex
	calls []read // a ring; without places nothing is remembered
	made  uint64
}

// read is such a call: of all events up to a seq, or of some.
type read struct {
	inbox event.Channel
	upTo  uint64
	seqs  []uint64
	fleet.Read
}

// note remembers a call.
func (r *reads) note(inbox event.Channel, upTo uint64, seqs []uint64, from netip.Addr) {
	if len(r.calls) == 0 {
		return
	}
	address := ""
	if from.IsValid() {
		address = from.String()
	}
	seqs = slices.Clone(seqs[:min(len(seqs), maxReadSeqs)])
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls[r.made%uint64(len(r.calls))] = read{inbox, upTo, seqs, fleet.Read{At: time.Now(), Address: address}}
	r.made++
}

// of are the calls that may have marked an event, the oldest first.
func (r *reads) of(inbox event.Channel, seq uint64) (found []fleet.Read) {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := uint64(len(r.calls))
	for i := r.made - min(r.made, n); i < r.made; i++ {
		c := &r.calls[i%n]
		if c.inbox == inbox && (seq <= c.upTo || slices.Contains(c.seqs, seq)) && time.Since(c.At) < fleet.RememberFor {
			found = append(found, c.Read)
		}
	}
	return found
}
