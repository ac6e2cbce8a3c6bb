package fanout

import (
	"strconv"
	"strings"
	"sync"
)

// slotCount is how many hash slots a Cluster has.
const slotCount = 16384

// slotOf is the slot of a key or of a sharded channel: the CRC16 (XMODEM) of what the
// first braces enclose, or of all of it if they enclose nothing.
func slotOf(name string) int {
	if _, rest, ok := strings.Cut(name, "{"); ok {
		if tag, _, ok := strings.Cut(rest, "}"); ok && tag != "" {
			name = tag
		}
	}
	var crc uint16
	for i := range len(name) {
		crc ^= uint16(name[i]) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return int(crc) % slotCount
}

// slotTags has for each slot a text that belongs to it: who knows only a slot can ask
// for its node by it, and listen there.
var slotTags = sync.OnceValue(func() *[slotCount]string {
	tags := new([slotCount]string)
	for n, left := 0, slotCount; left > 0; n++ {
		text := strconv.Itoa(n)
		if slot := slotOf(text); tags[slot] == "" {
			tags[slot] = text
			left--
		}
	}
	return tags
})
