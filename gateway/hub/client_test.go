package hub

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/gateway/conn"
	"github.com/bellhop/bellhop/gateway/hub/read"
)

// client reads a stream as a browser would, when the test lets it.
type client struct {
	t      *testing.T
	stream *Stream
	source conn.Source // what carries the stream, if it does not do so itself
	woken  atomic.Bool
	id     string // the last id that was taken
	retry  string
	ended  bool
}

type block struct {
	event, data, id, retry string
}

func (r *rig) open(req Request) *client {
	r.t.Helper()
	c := &client{t: r.t}
	if !r.rush {
		<-time.After(2 * read.RangePace)
	}
	if req.Retry == 0 {
		req.Retry = 3 * time.Second
	}
	r.start(req, c)
	if !r.rush && len(req.Channels) > 1 {
		// The first channel's question may be on its way before the next channel
		// is held; that one then waits for the pace of questions.
		<-time.After(read.HeadPace)
	}
	return c
}

// start opens a stream for a client.
func (r *rig) start(req Request, c *client) {
	r.t.Helper()
	req.ReplayReset = !r.resetToHead // most tests look at all that there is after a reset
	s, err := r.hub.Open(req)
	require.NoError(r.t, err)
	c.stream = s
	s.Start(conn.WakeFunc(func() { c.woken.Store(true) }), 0)
	r.t.Cleanup(func() { s.Close("") })
}

// join opens a stream on channels, with the text of a cursor.
func (r *rig) join(cursor string, channels ...event.Channel) *client {
	r.t.Helper()
	cur, err := event.ParseCursor(cursor)
	return r.open(Request{Channels: channels, Cursor: cur, BadCursor: err != nil})
}

// wait lets time pass and then reads what there is.
func (c *client) wait(d time.Duration) []block {
	c.t.Helper()
	deadline := time.Now().Add(d)
	var out []block
	for {
		for again := true; again; again = c.woken.Load() && !c.ended {
			synctest.Wait()
			out = append(out, c.pull()...)
			synctest.Wait()
		}
		left := time.Until(deadline)
		if left <= 0 {
			return out
		}
		<-time.After(min(left, 10*time.Millisecond))
	}
}

// read reads what there is now.
func (c *client) read() []block { return c.wait(0) }

func (c *client) pull() []block {
	c.t.Helper()
	var text strings.Builder
	for more := true; more && !c.ended; {
		more = c.next(&text, 16<<10)
	}
	return c.parse(text.String())
}

// sip reads about so many bytes at most, as if the socket had no room for more.
func (c *client) sip(budget int) []block {
	c.t.Helper()
	var text strings.Builder
	c.next(&text, budget)
	return c.parse(text.String())
}

// next takes what the stream says now; false: nothing.
func (c *client) next(text *strings.Builder, budget int) bool {
	c.woken.Store(false)
	source := c.source
	if source == nil {
		source = c.stream
	}
	bufs, end := source.Next(nil, budget)
	for _, b := range bufs {
		text.Write(b)
	}
	c.ended = end
	return len(bufs) > 0
}

func (c *client) parse(text string) []block {
	c.t.Helper()
	var out []block
	for part := range strings.SplitSeq(text, "\n\n") {
		if part == "" {
			continue
		}
		var b block
		for line := range strings.SplitSeq(part, "\n") {
			name, value, ok := strings.Cut(line, ": ")
			require.True(c.t, ok, "line %q", line)
			switch name {
			case "event":
				b.event = value
			case "data":
				b.data = value
			case "id":
				b.id, c.id = value, value
			case "retry":
				b.retry, c.retry = value, value
			default:
				c.t.Fatalf("unknown field %q", name)
			}
		}
		require.True(c.t, json.Valid([]byte(b.data)), "data %q", b.data)
		out = append(out, b)
	}
	return out
}

// short renders blocks for comparison: "user:1#3" for an event, the name and
// the data of the others.
func short(blocks []block) []string {
	out := []string{}
	for _, b := range blocks {
		var e struct {
			Channel string
			Seq     uint64
		}
		if !strings.HasPrefix(b.event, "bellhop.") && json.Unmarshal([]byte(b.data), &e) == nil {
			out = append(out, fmt.Sprintf("%s#%d", e.Channel, e.Seq))
			continue
		}
		out = append(out, strings.TrimPrefix(b.event, "bellhop.")+" "+b.data)
	}
	return out
}

func (c *client) expect(d time.Duration, want ...string) {
	c.t.Helper()
	if want == nil {
		want = []string{}
	}
	require.Equal(c.t, want, short(c.wait(d)))
}

func (c *client) close() { c.stream.Close("") }
