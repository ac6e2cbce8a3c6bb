package poll

import (
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/gateway/conn"
)

// fake is a stream that says what it is given.
type fake struct {
	mu      sync.Mutex // guards say
	say     []string
	blocks  int
	live    bool
	at      string
	greeted int
	ends    bool
	endless bool // it always has more to say
	closed  []conn.Reason
	to      conn.Waker
}

func (f *fake) Start(to conn.Waker, _ uint64) { f.to = to }
func (f *fake) Greet()                        { f.greeted, f.blocks, f.live = f.greeted+1, 0, false }
func (f *fake) Heartbeat() []byte             { return []byte(":\n\n") }
func (f *fake) End(conn.Reason)               { f.ends = true }
func (f *fake) Why() conn.Reason              { return conn.ReasonEnd }
func (f *fake) Close(reason conn.Reason)      { f.closed = append(f.closed, reason) }
func (f *fake) Cursor() string                { return f.at }

func (f *fake) Said() (blocks int, live, more bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.blocks, f.live, f.endless || len(f.say) > 0
}

// tell gives it something to say.
func (f *fake) tell(what ...string) {
	f.mu.Lock()
	f.say = append(f.say, what...)
	f.mu.Unlock()
	f.to.Wake(0)
}

// Next says one thing at a time.
func (f *fake) Next(bufs [][]byte, _ int) ([][]byte, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.live {
		f.live = true
		f.blocks++
		return append(bufs, []byte("ready")), f.ends
	}
	if len(f.say) > 0 {
		bufs = append(bufs, []byte(f.say[0]))
		f.say, f.blocks, f.at = f.say[1:], f.blocks+1, f.say[0]
	}
	return bufs, f.ends
}

// carry has a connection carry a poll to its end, and returns what it wrote.
func carry(t *testing.T, p *Poll) (wrote []string) {
	t.Helper()
	wake := make(chan struct{}, 1)
	p.Start(conn.WakeFunc(func() {
		select {
		case wake <- struct{}{}:
		default:
		}
	}), 0)
	for {
		bufs, end := p.Next(nil, 1)
		for _, b := range bufs {
			wrote = append(wrote, string(b))
		}
		if end {
			conn.Over(p, conn.ReasonEnd)
			return wrote
		}
		if len(bufs) > 0 {
			continue
		}
		<-wake
	}
}

func open(t *testing.T, p *Polls, key Key, wait time.Duration, f *fake) *Poll {
	t.Helper()
	poll, err := p.Open(key, wait, func() {}, func() (Stream, error) { return f, nil })
	require.NoError(t, err)
	return poll
}

func TestPollGathersAndHandsTheStreamOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, err := New(nil)
		require.NoError(t, err)
		defer p.Close()
		f := &fake{at: "1"}
		began := time.Now()
		require.Equal(t, []string{"ready"}, carry(t, open(t, p, Key{}, time.Minute, f)))
		require.Equal(t, Gather, time.Since(began), "a client without a position gets one at once")

		began = time.Now()
		time.AfterFunc(time.Second, func() { f.tell("2") })
		time.AfterFunc(time.Second+Gather/2, func() { f.tell("3", "4", "5") })
		require.Equal(t, []string{"ready", "2", "3", "4", "5"}, carry(t, open(t, p, Key{At: "1"}, time.Minute, nil)))
		require.Equal(t, time.Second+Gather, time.Since(began))

		began = time.Now()
		require.Equal(t, []string{"ready"}, carry(t, open(t, p, Key{At: "5"}, 25*time.Second, nil)))
		require.Equal(t, 25*time.Second, time.Since(began), "nothing came")
		require.Equal(t, 2, f.greeted)
		require.Empty(t, f.closed)
	})
}

// What ends the stream ends the poll, and nothing waits then.
func TestEndsOfTheStreamAreThePolls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, err := New(nil)
		require.NoError(t, err)
		defer p.Close()
		left := 0
		for _, end := range []func(f *fake, poll *Poll){
			func(f *fake, poll *Poll) { f.ends = true; carry(t, poll) },
			func(_ *fake, poll *Poll) { poll.Start(conn.WakeFunc(func() {}), 0); poll.Close(conn.ReasonClient) },
			func(_ *fake, poll *Poll) {
				poll.Start(conn.WakeFunc(func() {}), 0)
				poll.End(conn.ReasonExpired)
				_, end := poll.Next(nil, 1)
				require.True(t, end)
				conn.Over(poll, conn.ReasonEnd)
			},
		} {
			f := &fake{at: "1"}
			poll, err := p.Open(Key{At: "1"}, time.Minute, func() { left++ }, func() (Stream, error) { return f, nil })
			require.NoError(t, err)
			end(f, poll)
			require.Len(t, f.closed, 1)
			require.Zero(t, p.waiting())
		}
		require.Equal(t, 3, left)
	})
}

func TestAStreamWaitsForItsNextPollWithinBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, err := New(nil)
		require.NoError(t, err)
		defer p.Close()
		late := &fake{at: "1"}
		carry(t, open(t, p, Key{}, time.Minute, late))
		<-time.After(Linger + Linger/30)
		synctest.Wait()
		require.Equal(t, []conn.Reason{conn.ReasonEnd}, late.closed)
		require.Zero(t, p.waiting())

		nowhere := &fake{} // has no position that a client could bring
		carry(t, open(t, p, Key{}, time.Second, nowhere))
		require.Len(t, nowhere.closed, 1)

		all := make([]*fake, most+1)
		for i := range all {
			all[i] = &fake{at: strconv.Itoa(i)}
			p.keep(Key{At: all[i].at}, &line{stream: all[i]})
		}
		require.Len(t, all[0].closed, 1, "the one that has waited longest")
		require.Empty(t, all[1].closed)
		require.Equal(t, most, int(p.waiting()))

		p.Close()
		require.Len(t, all[most].closed, 1)
		p.keep(Key{At: "1"}, &line{stream: late})
		require.Len(t, late.closed, 2, "none waits from now on")
		require.Zero(t, p.waiting())
	})
}

// Whoever publishes without a pause does not keep a poll open for ever.
func TestAPollThatAlwaysHasMoreEndsInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, err := New(nil)
		require.NoError(t, err)
		defer p.Close()
		poll := open(t, p, Key{}, time.Second, &fake{at: "1", endless: true})
		poll.Start(conn.WakeFunc(func() {}), 0)
		began, end := time.Now(), false
		for !end {
			<-time.After(time.Millisecond)
			_, end = poll.Next(nil, 1)
		}
		require.Equal(t, time.Second, time.Since(began))
		conn.Over(poll, conn.ReasonEnd)
	})
}
