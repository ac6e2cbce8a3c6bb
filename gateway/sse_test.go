package gateway_test

import (
	"bufio"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// block is one SSE block as its lines say.
type block struct {
	comment, event, data, id, retry string
}

// sse reads a stream block by block.
type sse struct {
	t      *testing.T
	resp   *http.Response
	blocks chan block
	err    chan error // why reading ended: nil at the proper end
}

func (r *rig) stream(path string, headers ...header) *sse {
	r.t.Helper()
	resp := r.get(path, headers...)
	require.Equal(r.t, http.StatusOK, resp.StatusCode)
	s := &sse{t: r.t, resp: resp, blocks: make(chan block, 1024), err: make(chan error, 1)}
	go s.read()
	return s
}

func (s *sse) read() {
	defer close(s.blocks)
	lines := bufio.NewScanner(s.resp.Body)
	lines.Buffer(nil, 1<<20)
	var b block
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case lines.Text() == "":
			s.blocks <- b
			b = block{}
		case name == "":
			b.comment = value
		case name == "event":
			b.event = value
		case name == "data":
			b.data = value
		case name == "id":
			b.id = value
		case name == "retry":
			b.retry = value
		}
	}
	s.err <- lines.Err()
}

// next is the next block; ok is false at the end.
func (s *sse) next() (b block, ok bool) {
	s.t.Helper()
	select {
	case b, ok = <-s.blocks:
		return b, ok
	case <-time.After(patience):
		require.FailNow(s.t, "no block came")
		return b, false
	}
}

// expect is the next block but for heartbeats, of the given event type.
func (s *sse) expect(event string) block {
	s.t.Helper()
	for {
		b, ok := s.next()
		require.True(s.t, ok, "the stream ended before %s", event)
		if b.comment == "hb" || b.event == "bellhop.ping" && event != b.event {
			continue
		}
		require.Equal(s.t, event, b.event, "block %+v", b)
		return b
	}
}

// greeted checks the head and what is sent before anything else.
func (s *sse) greeted() *sse {
	s.t.Helper()
	b, ok := s.next()
	require.True(s.t, ok)
	require.Equal(s.t, block{comment: "hi"}, b)
	return s
}

// ended waits for the proper end.
func (s *sse) ended() {
	s.t.Helper()
	for {
		b, ok := s.next()
		if !ok {
			require.NoError(s.t, <-s.err, "cut off, not ended")
			return
		}
		require.Equal(s.t, "hb", b.comment, "block %+v", b)
	}
}

// leave is the client going away.
func (s *sse) leave() { _ = s.resp.Body.Close() }
