package fanout

import (
	"context"
	"crypto/rand"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/wait"
)

// member listens at one server: it keeps one connection at a time to it, and makes
// it anew when it fails. Its run connects, sends commands and watches the connection;
// a reader hands over what arrives.
type member struct {
	*redisSubscriber

	client   listenable // guarded by redisSubscriber.mu
	addr     string     // of a master of the Cluster; empty: Pub/Sub is classic
	registry *registry
	wake     wait.Signal // commands are to be sent

	cancel context.CancelFunc // of one at a master
}

// listenable is the client of a server, or of all.
type listenable interface {
	Subscribe(ctx context.Context, channels ...string) *redis.PubSub
}

func newMember(s *redisSubscriber, client listenable, addr string) *member {
	return &member{redisSubscriber: s, client: client, addr: addr, registry: newRegistry(), wake: wait.NewSignal()}
}

func (m *member) ask(p phase, channels ...event.Channel) {
	m.registry.ask(p, channels)
	m.wake.Raise()
}

// run ends with ctx. The member was put in doubt before.
func (m *member) run(ctx context.Context) {
	pauses := backoff{most: m.cfg.MaxBackoff}
	for ctx.Err() == nil {
		lasted, err := m.connect(ctx)
		if ctx.Err() != nil {
			return
		}
		pause := pauses.next(lasted)
		m.log.Warn("connection to Redis lost", "error", err, "server", m.addr, "retry_in", pause)
		m.placing.Raise() // others may have its slots by now
		wait.For(ctx, pause)
	}
}

// connect serves one connection until it fails. It tells how long messages were
// seen to come through it.
func (m *member) connect(parent context.Context) (lasted time.Duration, err error) {
	// What the last connection brought is handled first: answers that wait would
	// pile up otherwise, connection by connection, behind a handler that hangs.
	select {
	case <-m.dispatcher.barrier():
	case <-parent.Done():
		return 0, parent.Err()
	}
	ctx, cancel := context.WithCancel(parent)
	nonce := rand.Text()
	ctx, link := withLink(ctx, nonce)
	m.mu.RLock()
	client := m.client
	m.mu.RUnlock()
	c := &redisConn{
		member:  m,
		pubsub:  client.Subscribe(ctx),
		nonce:   nonce,
		failed:  make(chan error, 1),
		settled: wait.NewSignal(),
		back:    wait.NewSignal(),
		again:   wait.NewSignal(),
		evicted: wait.NewSignal(),
	}
	c.probe.Store(new(string))
	err = c.serve(ctx, link)
	if parent.Err() == nil {
		// At once: a probe that is under way may take its time to fail.
		m.doubts.set(m, true)
	}
	cancel()
	if !c.proven.IsZero() {
		lasted = time.Since(c.proven)
	}
	err = errors.Join(err, c.pubsub.Close())
	c.wg.Wait()
	return lasted, err
}
