package gateway

import (
	"mime"
	"strconv"
	"strings"
)

// acceptsStream tells whether an Accept header admits text/event-stream. Of the
// media ranges that cover it the most specific decides (RFC 9110, section
// 12.5.1). What can't be parsed is passed over: a header that says nothing
// clear excludes nothing.
func acceptsStream(header []string) bool {
	best, accepted, understood := 0, true, false
	for _, line := range header {
		for item := range strings.SplitSeq(line, ",") {
			kind, params, err := mime.ParseMediaType(item)
			if err != nil {
				continue
			}
			understood = true
			specific := map[string]int{"*/*": 1, "text/*": 2, "text/event-stream": 3}[kind]
			if specific > best {
				best = specific
				accepted = quality(params["q"]) > 0
			}
		}
	}
	return accepted && (best > 0 || !understood)
}

func quality(q string) float64 {
	if q == "" {
		return 1
	}
	v, err := strconv.ParseFloat(q, 64)
	if err != nil {
		return 1
	}
	return v
}
