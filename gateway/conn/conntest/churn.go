package conntest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/gateway/conn"
)

// LongVariable asks for the long form of tests that churn connections.
const LongVariable = "BELLHOP_TEST_LONG"

// testChurn opens and ends streams in every way at once. Descriptors and the
// engine's places are used again and again, while wakes of streams that are gone
// still come in: no byte may reach another stream than its own, no stream may
// be torn, and every source has to be closed once.
func testChurn(t *testing.T, engine Engine) {
	workers, each := 16, 40
	if os.Getenv(LongVariable) != "" {
		workers, each = 64, 400
	}
	c := churn{sources: make(map[string]*churned)}
	addr := start(t, engine, calm(), func() conn.Source { return c.open(t) })
	publishing, stop := context.WithCancel(t.Context())
	var publisher, clients sync.WaitGroup
	publisher.Go(func() {
		for publishing.Err() == nil {
			c.publish()
		}
	})
	for range workers {
		clients.Go(func() {
			for range each {
				c.visit(t, addr)
			}
		})
	}
	clients.Wait()
	stop()
	publisher.Wait()
	require.Eventually(t, func() bool { return c.closed.Load() == c.opened.Load() }, patience, time.Millisecond)
	require.EqualValues(t, workers*each, c.opened.Load())
}

// churn is what the streams of one churning test share.
type churn struct {
	opened, closed atomic.Int64

	mu      sync.Mutex
	sources map[string]*churned
}

// churned is a source that says its own name in everything that it says.
type churned struct {
	*Source
	name  string
	churn *churn
}

// Close implements conn.Source.
func (s *churned) Close(r conn.Reason) {
	s.Source.Close(r)
	s.churn.closed.Add(1)
}

func (c *churn) open(t *testing.T) conn.Source {
	s := &churned{Source: NewSource(t), churn: c, name: fmt.Sprintf("s%d", c.opened.Add(1))}
	s.Say(s.name + ":begin;")
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sources[s.name] = s
	return s
}

// publish says something on some streams, those that are over included.
func (c *churn) publish() {
	c.mu.Lock()
	some := make([]*churned, 0, 64)
	for _, s := range c.sources {
		if some = append(some, s); len(some) == cap(some) {
			break
		}
	}
	for len(c.sources) > 256 {
		for name := range c.sources {
			delete(c.sources, name)
			break
		}
	}
	c.mu.Unlock()
	for _, s := range some {
		s.Say(s.name + ":" + strings.Repeat("x", rand.N(2000)) + ";")
	}
	pause(time.Millisecond)
}

// visit is one client: it looks at what it is told, and leaves in some way.
func (c *churn) visit(t *testing.T, addr string) {
	window := 0
	if rand.N(8) == 0 {
		window = 4 << 10 // parts of blocks; slow, since a full window is probed for
	}
	cl := dial(t, addr, window)
	defer cl.c.Close()
	cl.open()
	said := ""
	for !strings.Contains(said, ";") {
		data, last, err := cl.chunk()
		if err != nil || last {
			t.Errorf("after %q: last %v, %v", said, last, err)
			return
		}
		said += string(data)
	}
	name, _, _ := strings.Cut(said, ":")
	switch rand.N(4) {
	case 0: // goes at once
	case 1:
		_ = cl.c.SetLinger(0) // RST; the server may have ended it already
	case 2:
		_ = cl.c.CloseWrite() // as above
	case 3: // stays to the end
		c.mu.Lock()
		src := c.sources[name]
		c.mu.Unlock()
		if src == nil {
			return
		}
		src.Finish()
		said += cl.rest()
		for block := range strings.SplitSeq(strings.TrimSuffix(said, ";"), ";") {
			if !strings.HasPrefix(block, name+":") {
				t.Errorf("%s was told %.40q", name, block)
			}
		}
	}
}
