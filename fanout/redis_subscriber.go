package fanout

import (
	"context"
	"log/slog"
	mathrand "math/rand/v2"
	"sync"
	"time"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/wait"
)

const (
	// maxNames is how many channels one command names. One with all the channels
	// of a gateway would have megabytes, and hold up everybody else's.
	maxNames = 512
	// coalesce is how long a command waits for others: a reconnecting crowd
	// subscribes to thousands of channels within a moment.
	coalesce = time.Millisecond
)

// redisSubscriber has a member for each server to listen at: one, or on a Cluster
// with sharded Pub/Sub each master. It knows which of them a channel is at home with.
// Members call the handler through the dispatcher's workers.
type redisSubscriber struct {
	bus        *Redis
	cfg        Config
	log        *slog.Logger
	handler    Handler
	dispatcher *dispatcher

	cancel  context.CancelFunc
	wg      sync.WaitGroup
	closing sync.Once

	mu sync.RWMutex // taken before a registry's
	// only is the member of all channels, where there is no more than one. Otherwise
	// homes has that of each slot, and nowhere has the channels of the slots without.
	only    *member
	homes   [slotCount]*member
	members map[string]*member // by address
	nowhere *registry
	placing wait.Signal // the Cluster is to be asked anew

	doubts doubts
}

func newRedisSubscriber(b *Redis, h Handler) *redisSubscriber {
	ctx, cancel := context.WithCancel(context.Background())
	s := &redisSubscriber{
		bus:        b,
		cfg:        b.cfg,
		log:        b.cfg.Logger.With("part", "bus"),
		handler:    h,
		dispatcher: newDispatcher(h, b.cfg.Workers, b.cfg.Queue, b.cfg.QueueBytes),
		members:    make(map[string]*member),
		nowhere:    newRegistry(),
		placing:    wait.NewSignal(),
		cancel:     cancel,
	}
	s.doubts = doubts{log: s.log, tell: h.Suspect, of: make(map[any]struct{})}
	s.wg.Go(func() { s.run(ctx) })
	return s
}

func (s *redisSubscriber) Subscribe(channels ...event.Channel)   { s.ask(subscribing, channels) }
func (s *redisSubscriber) Unsubscribe(channels ...event.Channel) { s.ask(unsubscribing, channels) }

func (s *redisSubscriber) ask(p phase, channels []event.Channel) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.only != nil {
		s.only.ask(p, channels...)
		return
	}
	for _, ch := range channels {
		if m := s.homes[s.slot(ch)]; m != nil {
			m.ask(p, ch)
		} else {
			s.nowhere.ask(p, []event.Channel{ch})
			s.placing.Raise()
		}
	}
}

func (s *redisSubscriber) slot(ch event.Channel) int { return slotOf(s.cfg.shardName(ch)) }

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

// run finds out where to listen, and has members do so.
func (s *redisSubscriber) run(ctx context.Context) {
	s.doubts.set(s, true)
	pauses := backoff{most: s.cfg.MaxBackoff}
	for {
		w, err := s.bus.decide(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil && w.sharded:
			s.followCluster(ctx)
			return
		case err == nil:
			s.listenAtOne(ctx)
			return
		}
		pause := pauses.next(0)
		s.log.Warn("connection to Redis lost", "error", err, "retry_in", pause)
		s.endNowhere()
		wait.For(ctx, pause)
	}
}

// listenAtOne has one member for all channels.
func (s *redisSubscriber) listenAtOne(ctx context.Context) {
	m := newMember(s, s.bus.client, "")
	s.doubts.set(m, true)
	s.mu.Lock()
	wanted, ended := s.nowhere.leave(func(event.Channel) bool { return true })
	m.registry.ask(subscribing, wanted)
	s.only = m
	s.mu.Unlock()
	s.dispatcher.acknowledge(kindUnsubscribed, ended...)
	s.doubts.set(s, false)
	m.run(ctx)
}

// endNowhere acknowledges the end of channels that nobody holds.
func (s *redisSubscriber) endNowhere() {
	s.mu.Lock()
	wanted, ended := s.nowhere.leave(func(event.Channel) bool { return true })
	s.nowhere.ask(subscribing, wanted)
	s.mu.Unlock()
	s.dispatcher.acknowledge(kindUnsubscribed, ended...)
}

var _ Subscriber = (*redisSubscriber)(nil)

// doubts has who is in doubt. The handler hears of the first, and of the last's end.
type doubts struct {
	log  *slog.Logger
	tell func(suspect bool)

	mu sync.Mutex
	of map[any]struct{}
}

// set says whether somebody is in doubt from now on.
func (d *doubts) set(who any, doubting bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	before := len(d.of) > 0
	if doubting {
		d.of[who] = struct{}{}
	} else {
		delete(d.of, who)
	}
	switch now := len(d.of) > 0; {
	case now == before:
		return
	case now:
		d.log.Info("the bus is in doubt")
	default:
		d.log.Info("the bus works")
	}
	d.tell(!before)
}

// any tells whether anybody is in doubt.
func (d *doubts) any() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.of) > 0
}

// has tells whether somebody is in doubt.
func (d *doubts) has(who any) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, doubting := d.of[who]
	return doubting
}

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
