package loadgen

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const okHead = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"

// chunked puts parts into chunks, and ends the body.
func chunked(parts ...string) string {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString(strconv.FormatInt(int64(len(p)), 16) + "\r\n" + p + "\r\n")
	}
	return b.String() + "0\r\n\r\n"
}

// decode feeds a response in pieces.
func decode(d *decoder, response string, size int) (blocks []string, err error) {
	for len(response) > 0 && err == nil {
		n := min(size, len(response))
		err = d.feed([]byte(response[:n]), func(b []byte) { blocks = append(blocks, string(b)) })
		response = response[n:]
	}
	return blocks, err
}

// However a response is cut, by chunks or by reads, its blocks are the same.
func TestDecodeInPieces(t *testing.T) {
	t.Parallel()
	want := []string{": hi", "event: a\ndata: 1\nid: 1", "event: b\ndata: 2\nid: 2"}
	text := strings.Join(want, "\n\n") + "\n\n"
	for cut := 1; cut < len(text); cut++ {
		response := okHead + chunked(text[:cut], text[cut:])
		for _, size := range []int{1, 2, 3, 7, 64, len(response)} {
			var d decoder
			got, err := decode(&d, response, size)
			require.NoError(t, err)
			require.Equal(t, want, got)
			require.True(t, d.whole())
			d.reset()
			require.False(t, d.whole())
		}
	}
}

func TestDecodeIsStrict(t *testing.T) {
	t.Parallel()
	for name, response := range map[string]string{
		"status":             "HTTP/1.1 503 Service Unavailable\r\nTransfer-Encoding: chunked\r\n\r\n",
		"not chunked":        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n",
		"endless head":       "HTTP/1.1 200 OK\r\n" + strings.Repeat("a: b\r\n", maxKept/6),
		"chunk size":         okHead + "x\r\n",
		"LF alone":           okHead + "3\nabc",
		"endless chunk size": okHead + strings.Repeat("0", 30),
		"chunk's end":        okHead + "3\r\nabcd\r\n",
		"last chunk's end":   okHead + "0\r\nX",
		"after the end":      okHead + "0\r\n\r\nHTTP/1.1",
		"endless block":      okHead + chunked(strings.Repeat("x", maxKept), "y"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, size := range []int{1 << 10, len(response)} {
				_, err := decode(&decoder{}, response, size)
				require.ErrorIs(t, err, ErrResponse)
			}
		})
	}
}

func TestDecodeUnfinished(t *testing.T) {
	t.Parallel()
	for _, response := range []string{"HTTP/1.1 200 OK\r\n", okHead, okHead + "3\r\nab", okHead + chunked("data: x\n")} {
		var d decoder
		_, err := decode(&d, response, 5)
		require.NoError(t, err)
		require.False(t, d.whole(), "%q", response)
	}
}

//fuzz:least 1000
func FuzzDecode(f *testing.F) {
	f.Add([]byte(okHead+chunked("data: 1\n\n", "data")), uint8(3))
	f.Add([]byte(okHead+"3\r\nab"), uint8(1))
	f.Fuzz(func(t *testing.T, response []byte, size uint8) {
		var whole, pieces decoder
		want, werr := decode(&whole, string(response), len(response))
		got, gerr := decode(&pieces, string(response), int(size)+1)
		require.Equal(t, werr == nil, gerr == nil)
		if werr == nil {
			require.Equal(t, want, got)
			require.Equal(t, whole.whole(), pieces.whole())
		}
	})
}
