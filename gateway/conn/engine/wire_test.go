package engine

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// However the socket cuts a wire, its parts are the whole.
func TestWireInParts(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		wire wire
		want string
	}{
		"chunk":          {wire{bufs: [][]byte{[]byte("hello, "), nil, []byte("world")}, size: 12}, "c\r\nhello, world\r\n"},
		"chunk and end":  {wire{bufs: [][]byte{[]byte("bye")}, size: 3, last: true}, "3\r\nbye\r\n0\r\n\r\n"},
		"end":            {wire{last: true}, "0\r\n\r\n"},
		"empty, and end": {wire{bufs: [][]byte{{}}, last: true}, "0\r\n\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for room := 1; room <= len(tt.want)+1; room++ {
				w, got, dst := tt.wire, []byte(nil), make([]byte, room)
				for {
					n := w.fill(dst)
					if n == 0 {
						break
					}
					got = append(got, dst[:n]...)
					w.sent += n
				}
				require.Equal(t, tt.want, string(got), "%d bytes at a time", room)
			}
		})
	}
}

func TestKeptWireHasItsOwnSlices(t *testing.T) {
	t.Parallel()
	bufs := [][]byte{[]byte("abc")}
	w := wire{bufs: bufs, size: 3}
	w.keep()
	clear(bufs)
	var dst [64]byte
	require.True(t, bytes.Equal([]byte("3\r\nabc\r\n"), dst[:w.fill(dst[:])]))
}
