package loadgen

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/bellhop/bellhop/event"
)

// Counts are what the clients of a worker have seen.
type Counts struct {
	Events     int64 `json:"events"`
	Heartbeats int64 `json:"heartbeats"`
	Bytes      int64 `json:"bytes"`
	Lost       int64 `json:"lost"`       // seqs that were skipped
	Duplicates int64 `json:"duplicates"` // events that came again
	Malformed  int64 `json:"malformed"`  // blocks that are not what Bellhop sends
	Resets     int64 `json:"resets"`
	Connects   int64 `json:"connects"`
	Refused    int64 `json:"refused"` // connects that failed, or were not answered with a stream
	Ended      int64 `json:"ended"`   // streams that ended properly
	Broken     int64 `json:"broken"`  // streams that ended otherwise
}

// Add adds another worker's counts.
func (c *Counts) Add(o Counts) {
	c.Events += o.Events
	c.Heartbeats += o.Heartbeats
	c.Bytes += o.Bytes
	c.Lost += o.Lost
	c.Duplicates += o.Duplicates
	c.Malformed += o.Malformed
	c.Resets += o.Resets
	c.Connects += o.Connects
	c.Refused += o.Refused
	c.Ended += o.Ended
	c.Broken += o.Broken
}

// Latencies of the events that came live.
type Latencies struct {
	// Post is from the moment at which the event was due to be posted, so that a
	// publisher that falls behind does not hide it.
	Post Histogram `json:"post"`
	// Append is from the event's own time: when the log took it.
	Append Histogram `json:"append"`
}

// follower checks what one stream is told. It survives reconnects: what a
// resumed stream repeats or skips shows.
type follower struct {
	channels []string
	at       []position // of each channel
	last     []byte     // the id that the client would bring
	ready    bool       // on this connection
}

type position struct {
	known bool
	seq   uint64
}

// checker is what followers tell. One for all of a worker's.
type checker struct {
	counts    Counts
	latencies Latencies
	now       time.Time // when the bytes that are judged were read
}

var (
	dataLine  = []byte("\ndata: ")
	idLine    = []byte("\nid: ")
	channelAt = []byte(`{"channel":"`)
	seqAt     = []byte(`","seq":`)
	timeAt    = []byte(`","time":"`)
	payloadAt = []byte(`"data":{"at":`)
	reserved  = []byte("event: " + event.ReservedPrefix)
)

// block takes a block of the stream.
func (f *follower) block(b []byte, j *checker) {
	if len(b) > 0 && b[0] == ':' {
		j.counts.Heartbeats++
		return
	}
	_, id, found := bytes.Cut(b, idLine)
	if !found || bytes.IndexByte(id, '\n') >= 0 {
		j.counts.Malformed++
		return
	}
	f.last = append(f.last[:0], id...)
	if bytes.HasPrefix(b, reserved) {
		f.notice(b[len(reserved):], string(id), j)
		return
	}
	if err := f.event(b, id, j); err != nil {
		j.counts.Malformed++
	}
}

// notice takes a block of Bellhop's own.
func (f *follower) notice(b []byte, id string, j *checker) {
	kind, _, _ := bytes.Cut(b, []byte{'\n'})
	switch string(kind) {
	case "ready":
		f.ready = true
	case "reset":
		j.counts.Resets++
	default:
		return
	}
	cursor, err := event.ParseCursor(id)
	if err != nil {
		j.counts.Malformed++
		return
	}
	for i, name := range f.channels {
		p, ok := cursor.Position(event.Channel(name))
		if !ok {
			j.counts.Malformed++
			continue
		}
		if at := &f.at[i]; string(kind) == "ready" && at.known && p.Seq != at.seq {
			// The cursor passes over what was deleted, which a load test does not
			// do: something was skipped, or the stream went back.
			j.counts.Lost++
		}
		f.at[i] = position{known: true, seq: p.Seq}
	}
}

func (f *follower) event(b, id []byte, j *checker) error {
	j.counts.Events++
	_, data, ok := bytes.Cut(b, dataLine)
	if !ok || !bytes.HasPrefix(data, channelAt) {
		return fmt.Errorf("%w: no event", ErrResponse)
	}
	data = data[len(channelAt):]
	name, rest, ok := bytes.Cut(data, seqAt)
	if !ok {
		return fmt.Errorf("%w: no seq", ErrResponse)
	}
	i := slices.IndexFunc(f.channels, func(ch string) bool { return ch == string(name) })
	if i < 0 {
		return fmt.Errorf("%w: an event of %q", ErrResponse, name)
	}
	seq, rest, err := number(rest)
	if err != nil {
		return err
	}
	at := &f.at[i]
	switch {
	case !at.known:
	case seq <= at.seq:
		j.counts.Duplicates++
	case seq > at.seq+1:
		j.counts.Lost += int64(seq - at.seq - 1)
	}
	*at = position{known: true, seq: seq}
	if !shows(id, seq, name) {
		return fmt.Errorf("%w: the id does not show the event", ErrResponse)
	}
	if f.ready {
		j.late(rest)
	}
	return nil
}

// shows tells whether an id has a channel at a position.
func shows(id []byte, seq uint64, name []byte) bool {
	for part := range bytes.SplitSeq(id, []byte{','}) {
		at, ch, ok := bytes.Cut(part, []byte{'@'})
		if ok && bytes.Equal(ch, name) {
			n, rest, err := number(at)
			return err == nil && n == seq && len(rest) > 0 && rest[0] == '.'
		}
	}
	return false
}

// late notes how long an event took. What is not in the data is not noted.
func (j *checker) late(data []byte) {
	if _, t, ok := bytes.Cut(data, timeAt); ok {
		if ms, ok := timeOfDay(t); ok {
			const day = 24 * 60 * 60 * 1000
			took := (j.now.UnixMilli()%day - ms + day) % day
			if took > day/2 {
				took = 0 // the log's clock is a little ahead
			}
			j.latencies.Append.Add(time.Duration(took) * time.Millisecond)
		}
	}
	if _, p, ok := bytes.Cut(data, payloadAt); ok {
		if ns, _, err := number(p); err == nil {
			j.latencies.Post.Add(j.now.Sub(time.Unix(0, int64(ns))))
		}
	}
}

// timeOfDay reads the milliseconds since midnight out of a time as events have
// it, such as 2026-11-21T20:15:28.123Z.
func timeOfDay(t []byte) (ms int64, ok bool) {
	if len(t) < len("2026-11-21T20:15:28.123Z") {
		return 0, false
	}
	digit := func(i int) int64 { return int64(t[i]) - '0' }
	h, m := digit(11)*10+digit(12), digit(14)*10+digit(15)
	s := digit(17)*10 + digit(18)
	return ((h*60+m)*60+s)*1000 + digit(20)*100 + digit(21)*10 + digit(22), true
}

// number reads decimal digits, and returns what follows them.
func number(b []byte) (n uint64, rest []byte, err error) {
	i := 0
	for i < len(b) && '0' <= b[i] && b[i] <= '9' {
		i++
	}
	if n, err = strconv.ParseUint(string(b[:i]), 10, 63); err != nil {
		return 0, nil, fmt.Errorf("%w: %w", ErrResponse, err)
	}
	return n, b[i:], nil
}
