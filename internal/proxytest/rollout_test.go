package proxytest

import (
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// service is what a Kubernetes Service is to its clients: it deals connections out to
// the endpoints that it has heard of, and knows nothing of what is spoken on them.
type service struct {
	listener net.Listener
	mu       sync.Mutex
	pods     []string
}

func newService(t *testing.T, pods []string) *service {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &service{listener: listener, pods: pods}
	var conns sync.WaitGroup
	t.Cleanup(func() { _ = listener.Close(); conns.Wait() })
	conns.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			conns.Go(func() { s.carry(conn) })
		}
	})
	return s
}

func (s *service) url() string { return "http://" + s.listener.Addr().String() }

// carry joins a connection to a Pod; nobody is told why if there is none.
func (s *service) carry(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	s.mu.Lock()
	pods := slices.Clone(s.pods)
	s.mu.Unlock()
	if len(pods) == 0 {
		return
	}
	pod, err := net.Dial("tcp", pods[rand.IntN(len(pods))])
	if err != nil {
		return
	}
	defer func() { _ = pod.Close() }()
	var up sync.WaitGroup
	defer up.Wait()
	up.Go(func() {
		_, _ = io.Copy(pod, conn)
		_ = pod.(*net.TCPConn).CloseWrite()
	})
	_, _ = io.Copy(conn, pod)
	_ = conn.Close()
}

// hears has the nodes hear of what changed, as late as they do.
func (s *service) hears(t *testing.T, change func(pods []string) []string) {
	t.Helper()
	heard := make(chan struct{})
	time.AfterFunc(500*time.Millisecond+rand.N(2*time.Second), func() {
		defer close(heard)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.pods = change(slices.Clone(s.pods))
	})
	t.Cleanup(func() { <-heard })
}

// TestRollOutsGoUnnoticed does what a Deployment does with maxUnavailable 0 and
// maxSurge 1: a Pod comes and is ready, then one gets SIGTERM, still gets connections
// until all nodes have heard of it, and has its grace period. Nobody who listens is
// sent away, and nothing is lost or comes twice.
func TestRollOutsGoUnnoticed(t *testing.T) {
	t.Parallel()
	const rollouts = 3
	f := newFleet(t)
	address := func(p *testenv.Program) string { return strings.TrimPrefix(p.URL, "http://") }
	pods := slices.Clone(f.gateways[:])
	first := f.addresses()
	s := newService(t, first[:])
	all := open(t, s.url())
	all.await(t, "open", func(ready, _, _ int) bool { return ready >= 1 })

	published, end := f.keepPublishing(t, 0)
	for range rollouts {
		gone := make(chan error, len(pods))
		for i, old := range pods {
			next := f.start(t)
			pods[i] = next
			s.hears(t, func(all []string) []string { return append(all, address(next)) })
			s.hears(t, func(all []string) []string {
				return slices.DeleteFunc(all, func(a string) bool { return a == address(old) })
			})
			go func() { gone <- old.Stop(patience) }()
		}
		for range pods {
			require.NoError(t, <-gone)
		}
		all.awaitAll(t, "through a roll-out", published())
	}
	total := end()
	all.awaitAll(t, "to the last", total)
	t.Logf("%d roll-outs, %d clients, %d events, %d connects: none refused, lost or doubled", rollouts, len(all), sum(total), all.connects())
}
