package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// MaxLine is what every line of a stream stays below, in bytes: readers such as Go's
// bufio.Scanner stop for good at a longer one, and again wherever they resume.
const MaxLine = 64 << 10

// MaxLineData is the most data with which an event's line stays below MaxLine,
// whatever its channel, type and seq are.
const MaxLineData = MaxLine - 512

// ParseData checks that data is one JSON value (RFC 8259, so in UTF-8) and makes of
// it what a line can carry: the white space between its tokens goes, and characters
// that some clients take for the end of a line (U+0085, U+2028, U+2029) stand
// escaped, which is the same JSON. Nothing else changes, numbers stay as they were
// written; but one that is too large for a float64 is refused, because every browser
// would read Infinity. The result shares no memory with data. Duplicate names in an
// object pass: whoever reads the value decides what they mean.
func ParseData(data []byte) ([]byte, error) {
	if !utf8.Valid(data) {
		return nil, fmt.Errorf("%w: not valid UTF-8", ErrData)
	}
	var b bytes.Buffer
	b.Grow(len(data))
	if err := json.Compact(&b, data); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrData, err)
	}
	compact := b.Bytes()
	if err := checkNumbers(compact); err != nil {
		return nil, err
	}
	for _, end := range lineEnds {
		if bytes.Contains(compact, end.char) { // in a string: JSON has them nowhere else
			compact = bytes.ReplaceAll(compact, end.char, end.escaped)
		}
	}
	return compact, nil
}

var lineEnds = []struct{ char, escaped []byte }{
	{[]byte("\u0085"), []byte(`\u0085`)},
	{[]byte("\u2028"), []byte(`\u2028`)},
	{[]byte("\u2029"), []byte(`\u2029`)},
}

// maxDigits is how long a number can be without an exponent and still fit a float64.
const maxDigits = 308

// maxShown is how much of a number a refusal repeats.
const maxShown = 20

// checkNumbers refuses numbers beyond a float64 in compact JSON.
func checkNumbers(data []byte) error {
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case c == '"':
			for i++; data[i] != '"'; i++ {
				if data[i] == '\\' {
					i++
				}
			}
		case '0' <= c && c <= '9':
			from, exponent := i, false
			for ; i < len(data) && strings.IndexByte("0123456789.eE+-", data[i]) >= 0; i++ {
				exponent = exponent || data[i]|0x20 == 'e'
			}
			if !exponent && i-from <= maxDigits {
				continue
			}
			if f, _ := strconv.ParseFloat(string(data[from:i]), 64); math.IsInf(f, 0) {
				shown := data[from:i]
				if len(shown) > maxShown {
					shown = append(shown[:maxShown:maxShown], "..."...)
				}
				return fmt.Errorf("%w: the number %s is too large for any reader; send it as a string", ErrData, shown)
			}
		}
	}
	return nil
}
