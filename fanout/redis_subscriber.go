package fanout

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	mathrand "math/rand/v2"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bellhop/bellhop/event"
)

const (
	// maxNames is how many channels one command names. One with all the channels
	// of a gateway would have megabytes, and hold up everybody else's.
	maxNames = 512
	// coalesce is how long a command waits for others: a reconnecting crowd
	// subscribes to thousands of channels within a moment.
	coalesce = time.Millisecond
)

// redisSubscriber keeps one connection at a time and makes it anew when it fails.
// Three kinds of goroutines work for it: run connects, sends commands and watches the connection;
// a reader hands over what arrives; the dispatcher's workers call the handler.
type redisSubscriber struct {
	client     redis.UniversalClient
	cfg        Config
	log        *slog.Logger
	handler    Handler
	registry   *registry
	dispatcher *dispatcher
	// probe is a name that no channel has: its namespace would begin with '!'.
	probe string
	wake  chan struct{} // commands are to be sent

	cancel  context.CancelFunc
	wg      sync.WaitGroup
	closing sync.Once

	// suspect is what the handler was told last. It belongs to run.
	suspect bool
}

func newRedisSubscriber(client redis.UniversalClient, h Handler, cfg Config) *redisSubscriber {
	ctx, cancel := context.WithCancel(context.Background())
	s := &redisSubscriber{
		client:     client,
		cfg:        cfg,
		log:        cfg.Logger.With("part", "bus"),
		handler:    h,
		registry:   newRegistry(),
		dispatcher: newDispatcher(h, cfg.Workers, cfg.Queue, cfg.QueueBytes),
		probe:      cfg.Prefix + "!probe:" + rand.Text(),
		wake:       make(chan struct{}, 1),
		cancel:     cancel,
	}
	s.wg.Go(func() { s.run(ctx) })
	return s
}

func (s *redisSubscriber) Subscribe(channels ...event.Channel)   { s.ask(subscribing, channels) }
func (s *redisSubscriber) Unsubscribe(channels ...event.Channel) { s.ask(unsubscribing, channels) }

func (s *redisSubscriber) ask(p phase, channels []event.Channel) {
	s.registry.ask(p, channels)
	notify(s.wake)
}

// Close waits for what is under way, to dial, to sign in or a command, none of which
// takes more than two seconds unless the URL of Redis allows more.
func (s *redisSubscriber) Close() error {
	s.closing.Do(func() {
		s.cancel()
		s.wg.Wait()
		s.dispatcher.close()
	})
	return nil
}

func (s *redisSubscriber) run(ctx context.Context) {
	s.setSuspect(true)
	pauses := backoff{most: s.cfg.MaxBackoff}
	for {
		lasted, err := s.connect(ctx)
		if ctx.Err() != nil {
			return
		}
		pause := pauses.next(lasted)
		s.log.Warn("connection to Redis lost", "error", err, "retry_in", pause)
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// connect serves one connection until it fails. It tells how long messages were
// seen to come through it.
func (s *redisSubscriber) connect(parent context.Context) (lasted time.Duration, err error) {
	// What the last connection brought is handled first: answers that wait would
	// pile up otherwise, connection by connection, behind a handler that hangs.
	select {
	case <-s.dispatcher.barrier():
	case <-parent.Done():
		return 0, parent.Err()
	}
	ctx, cancel := context.WithCancel(parent)
	nonce := rand.Text()
	ctx, link := withLink(ctx, nonce)
	c := &redisConn{
		redisSubscriber: s,
		pubsub:          s.client.Subscribe(ctx),
		nonce:           nonce,
		failed:          make(chan error, 1),
		settled:         make(chan struct{}, 1),
		back:            make(chan struct{}, 1),
	}
	err = c.serve(ctx, link)
	if parent.Err() == nil {
		// At once: a probe that is under way may take its time to fail.
		s.setSuspect(true)
	}
	cancel()
	if !c.proven.IsZero() {
		lasted = time.Since(c.proven)
	}
	err = errors.Join(err, c.pubsub.Close())
	c.wg.Wait()
	return lasted, err
}

func (s *redisSubscriber) setSuspect(now bool) {
	if s.suspect == now {
		return
	}
	s.suspect = now
	if now {
		s.log.Info("bus is in doubt")
	} else {
		s.log.Info("bus has proven itself")
	}
	s.handler.Suspect(now)
}

var _ Subscriber = (*redisSubscriber)(nil)

// minBackoff is the range of the first pause after a connection was lost.
const minBackoff = 100 * time.Millisecond

// backoff draws the pauses between connections.
type backoff struct {
	most     time.Duration // Config.MaxBackoff
	failures int           // in a row
}

// next draws the pause behind a connection over which messages came for that long.
// One that lasted no longer than a pause may take has failed like one that never
// came about: Redis gives up a reader that is too slow, and subscribing to all again
// at once, over and over, would keep it from everybody else's work.
func (b *backoff) next(lasted time.Duration) time.Duration {
	if lasted > b.most {
		b.failures = 0
	}
	limit := min(minBackoff<<min(b.failures, 20), b.most)
	b.failures++
	// From the whole range: gateways that lost their connections together must
	// not come back together.
	return mathrand.N(max(limit, 1))
}
