package loadgen

import (
	"math/bits"
	"time"
)

const (
	// subBits: each power of two is divided into 64 buckets, so a value is known
	// to 1.6 %.
	subBits = 6
	subs    = 1 << subBits
	buckets = (64 - subBits) * subs
)

// Histogram counts durations, in microseconds, in buckets whose width grows with
// the value. Histograms of several processes add up. The zero value is empty.
type Histogram struct {
	Counts map[int]int64 `json:"counts,omitempty"` // by bucket
	Most   time.Duration `json:"most"`
}

// Add counts one duration. One below zero, which two clocks can produce, counts
// as zero.
func (h *Histogram) Add(d time.Duration) {
	if h.Counts == nil {
		h.Counts = make(map[int]int64)
	}
	h.Counts[bucket(d)]++
	h.Most = max(h.Most, d)
}

// Merge adds what another histogram counted.
func (h *Histogram) Merge(o Histogram) {
	if h.Counts == nil {
		h.Counts = make(map[int]int64)
	}
	for i, n := range o.Counts {
		h.Counts[i] += n
	}
	h.Most = max(h.Most, o.Most)
}

// Count is how many durations were added.
func (h *Histogram) Count() (n int64) {
	for _, c := range h.Counts {
		n += c
	}
	return n
}

// Quantile is the duration that a share q (0 to 1) of all does not exceed,
// rounded up to its bucket's end. Of an empty histogram it is zero.
func (h *Histogram) Quantile(q float64) time.Duration {
	rank := int64(q * float64(h.Count()))
	seen := int64(0)
	for i := range buckets {
		if n := h.Counts[i]; n > 0 {
			if seen += n; seen > rank || seen == h.Count() {
				return min(upper(i), h.Most)
			}
		}
	}
	return 0
}

func bucket(d time.Duration) int {
	us := uint64(max(d.Microseconds(), 0))
	if us < subs {
		return int(us)
	}
	shift := bits.Len64(us) - subBits - 1
	return (shift+1)<<subBits + int(us>>shift) - subs
}

// upper is the longest duration in a bucket.
func upper(i int) time.Duration {
	shift, rest := i>>subBits, uint64(i&(subs-1))
	if shift == 0 {
		return time.Duration(rest+1)*time.Microsecond - 1
	}
	shift--
	return time.Duration((rest+subs+1)<<shift)*time.Microsecond - 1
}
