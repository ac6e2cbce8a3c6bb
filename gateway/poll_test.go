package gateway_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/gateway"
	"github.com/bellhop/bellhop/gateway/limit"
	"github.com/bellhop/bellhop/store"
)

// poll is a client that gets a response only when it has ended.
type poll struct {
	r       *rig
	path    string
	headers []header
	cursor  string
}

// next makes one request, and returns what it says as "event data".
func (p *poll) next() []string {
	p.r.t.Helper()
	headers := p.headers
	if p.cursor != "" {
		headers = append(slices.Clip(headers), header{"Last-Event-ID", p.cursor})
	}
	resp := p.r.get(p.path, headers...)
	require.Equal(p.r.t, http.StatusOK, resp.StatusCode)
	s := &sse{t: p.r.t, resp: resp, blocks: make(chan block, 1<<16), err: make(chan error, 1)}
	s.read()
	require.NoError(p.r.t, <-s.err, "a proper end")
	var said []string
	for b := range s.blocks {
		if b.id != "" {
			p.cursor = b.id
		}
		if b.event != "" {
			said = append(said, b.event+" "+b.data)
		}
	}
	return said
}

// during has something happen while a poll is open, and returns what that says.
func (p *poll) during(happens func()) []string {
	p.r.t.Helper()
	answer := make(chan []string)
	go func() { answer <- p.next() }()
	require.Eventually(p.r.t, func() bool { return p.r.value("bellhop_polls_open") == 1 }, patience, time.Millisecond)
	happens()
	return <-answer
}

// notes are the seqs of the notes among what was said.
func notes(said []string) (all []int) {
	for _, line := range said {
		var n int
		if _, rest, ok := strings.Cut(line, `"seq":`); ok && strings.HasPrefix(line, "note ") {
			_, _ = fmt.Sscanf(rest, "%d", &n)
			all = append(all, n)
		}
	}
	return all
}

func (r *rig) poller(path string, headers ...header) *poll {
	return &poll{r: r, path: path, headers: headers}
}

// A client that has no position gets one at once, and the next poll waits for news.
func TestPollEndsOnceItSaidSomething(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	p := r.poller("/v1/stream?wait=50&channel=room:7", bearer(token(t, "42", "room:*")))
	require.Equal(t, []string{`bellhop.ready {"unread":0,"head":0}`}, p.next())

	for seq, ch := range []string{"user:42", "room:7"} {
		said := p.during(func() { r.publish(event.Channel(ch), `1`) })
		require.Len(t, said, 2)
		require.Equal(t, fmt.Sprintf(`bellhop.ready {"unread":%d,"head":%d}`, seq, seq), said[0])
		require.Contains(t, said[1], `note {"channel":"`+ch+`","seq":1,`)
	}
	r.publish("user:42", `2`) // between two polls
	r.publish("user:42", `3`)
	said := p.next()
	require.Equal(t, []int{2, 3}, notes(said))
	require.Equal(t, `bellhop.ready {"unread":3,"head":3}`, said[2])
}

// An idle poll ends in time and leaves the client where it was. Nothing is asked of the
// log meanwhile: it may even be away.
func TestIdlePollsAskNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.publish("user:42", `1`)
	p := r.poller("/v1/stream?wait=1", bearer(token(t, "42")))
	require.Equal(t, []string{`bellhop.ready {"unread":1,"head":1}`}, p.next())
	at := p.cursor
	r.log.fail(store.ErrUnavailable)
	for range 2 {
		began := time.Now()
		require.Equal(t, []string{`bellhop.ready {"unread":1,"head":1}`}, p.next())
		require.GreaterOrEqual(t, time.Since(began), time.Second)
		require.Equal(t, at, p.cursor)
	}
	require.Equal(t, 2, r.value("bellhop_polls_resumed_total"))
	require.Equal(t, 1, r.value("bellhop_polls_waiting"))
	require.Zero(t, r.value("bellhop_polls_open"))
	require.Zero(t, r.openStreams())
	require.Eventually(t, func() bool { return r.counted("bellhop_streams_ended_total", "poll") == 3 }, patience, time.Millisecond)
}

// Whatever comes when, each event comes once and in order, and the count that a poll
// begins with is that of the client.
func TestNothingIsLostOrDoubledBetweenPolls(t *testing.T) {
	t.Parallel()
	const events = 150
	r := newRig(t, nil)
	p := r.poller("/v1/stream?wait=1&channel=topic:a", bearer(token(t, "42")))
	p.next()
	var published sync.WaitGroup
	published.Go(func() {
		for i := range events {
			r.publish("user:42", strconv.Itoa(i))
			if rand.N(3) == 0 {
				r.publish("topic:a", `0`)
			}
			<-time.After(rand.N(20 * time.Millisecond)) // shorter and, after some, longer than a poll gathers
		}
	})
	var got []int
	for polls := 0; len(got) < events; polls++ {
		require.Less(t, polls, 10*events)
		before := len(got)
		for _, line := range p.next() {
			if strings.Contains(line, `"channel":"user:42"`) {
				got = append(got, notes([]string{line})...)
				continue
			}
			var unread, head int
			if n, _ := fmt.Sscanf(line, `bellhop.ready {"unread":%d,"head":%d}`, &unread, &head); n == 2 {
				require.Equal(t, head, unread)
				require.GreaterOrEqual(t, head, before)
				require.LessOrEqual(t, head, len(got))
			}
		}
	}
	published.Wait()
	for i, seq := range got {
		require.Equal(t, i+1, seq)
	}
}

// The last poll does not count any more when its client comes back.
func TestPollsStayWithinALimitOfOne(t *testing.T) {
	t.Parallel()
	r := newRig(t, func(c *gateway.Config) {
		c.Limits = limit.NewGuard(limit.Config{Streams: new(limit.Memory).Join(), UserStreams: 1, AddressStreams: 1})
		c.MaxStreams = 1
	})
	p := r.poller("/v1/stream?wait=50", bearer(token(t, "42")))
	p.next()
	for i := range 50 {
		r.publish("user:42", strconv.Itoa(i))
		require.Equal(t, []int{i + 1}, notes(p.next()))
	}
}

// A stream waits for the person, the form and the position that it is for.
func TestPollGoesOnWithItsOwnStreamOnly(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	p := r.poller("/v1/stream?wait=1&channel=topic:a", bearer(token(t, "42")))
	p.next()
	others := []*poll{
		r.poller("/v1/stream?wait=1&channel=topic:a", bearer(token(t, "43"))),
		r.poller("/v1/stream?wait=1&channel=topic:a&inbox=false", bearer(token(t, "42"))),
		r.poller("/v1/stream?wait=1&channel=topic:a&heartbeat=event", bearer(token(t, "42"))),
		r.poller("/v1/stream?wait=1&channel=topic:a"),
	}
	for _, o := range others {
		o.cursor = p.cursor
		o.next()
		require.Zero(t, r.value("bellhop_polls_resumed_total"))
	}
	p.next()
	require.Equal(t, 1, r.value("bellhop_polls_resumed_total"))
}

// A gateway that goes away does not wait for polls to come.
func TestDrainEndsPollsAndWhatWaitsForThem(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	waits := r.poller("/v1/stream?wait=50", bearer(token(t, "42")))
	waits.next()
	open := r.poller("/v1/stream?wait=50", bearer(token(t, "43")))
	open.next()
	require.Equal(t, 2, r.value("bellhop_polls_waiting"))
	said := open.during(r.stop)
	require.Contains(t, said[len(said)-1], "bellhop.drain")
	require.NoError(t, <-r.done)
	r.done <- nil
	require.Zero(t, r.value("bellhop_polls_waiting"))
}

func TestWaitIsSecondsInBounds(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	for _, query := range []string{"wait=0", "wait=56", "wait=-1", "wait=x", "wait=", "wait=1.5", "wait=5&wait=5"} {
		p := problem(t, r.get("/v1/stream?channel=topic:a&"+query), http.StatusBadRequest)
		require.Equal(t, "wait: want 1 to 55 seconds, once", p["detail"], query)
	}
}
