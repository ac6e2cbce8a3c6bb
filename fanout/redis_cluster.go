package fanout

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/wait"
)

// How often a subscriber asks a Cluster who has which slots: at least, because a
// master that became a replica may go on to deliver; while the bus is in doubt, because
// somebody may be promoted any moment; and at most, whatever asks for it.
const (
	placeEvery  = 5 * time.Second
	placeSoon   = 500 * time.Millisecond
	placePause  = 100 * time.Millisecond
	placeWithin = 5 * time.Second
)

// followCluster has a member for each master that has slots, and keeps each channel
// with the master of its slot, until ctx ends. All masters, not only those that hold
// listeners: a connection that is made for the first of them would put the bus in
// doubt each time.
func (s *redisSubscriber) followCluster(ctx context.Context) {
	cluster, ok := s.bus.client.(*redis.ClusterClient)
	if !ok {
		return // decide has said otherwise
	}
	var members sync.WaitGroup
	defer members.Wait()
	for {
		if err := s.place(ctx, cluster, &members); err != nil && ctx.Err() == nil {
			s.log.Warn("the Cluster does not say who has which slots", "error", err)
		}
		if !wait.For(ctx, placePause+rand.N(placePause)) {
			return
		}
		rest := placeEvery
		if s.doubts.any() {
			rest = placeSoon
		}
		select {
		case <-ctx.Done():
			return
		case <-s.placing:
		case <-time.After(rest):
		}
	}
}

// place asks who has which slots, and has channels go where they belong.
func (s *redisSubscriber) place(ctx context.Context, cluster *redis.ClusterClient, members *sync.WaitGroup) error {
	asking, cancel := context.WithTimeout(ctx, placeWithin)
	defer cancel()
	clients, err := masters(asking, cluster)
	if err != nil {
		s.endNowhere()
		return err
	}
	addrs := new([slotCount]string)
	for slot, tag := range slotTags() {
		client, err := cluster.MasterForKey(asking, tag)
		if err != nil {
			return err
		}
		addrs[slot] = client.Options().Addr
	}
	fresh, gained, gone := s.placeAt(addrs, clients)
	// The handler is not called with the lock held that Subscribe takes. Whoever is to
	// be in doubt is before anybody ends to be.
	for m := range gained {
		s.doubts.set(m, true)
	}
	for _, m := range fresh {
		s.doubts.set(m, true)
		own, cancel := context.WithCancel(ctx)
		m.cancel = cancel
		members.Go(func() {
			m.run(own)
			if ctx.Err() == nil { // what it was in doubt about is the others' by now
				s.doubts.set(m, false)
			}
		})
	}
	s.doubts.set(s, s.nowhere.size() > 0)
	for _, m := range gone {
		m.cancel()
	}
	return nil
}

// placeAt takes over who has which slots. It returns the members that are to begin,
// those that got channels, and those that are to end.
func (s *redisSubscriber) placeAt(addrs *[slotCount]string, clients map[string]*redis.Client) (fresh []*member, gained map[*member]bool, gone []*member) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for addr, m := range s.members {
		if clients[addr] == nil {
			gone = append(gone, m)
			delete(s.members, addr)
		}
	}
	for addr, client := range clients {
		if s.members[addr] == nil {
			s.members[addr] = newMember(s, client, addr)
			fresh = append(fresh, s.members[addr])
		}
		s.members[addr].client = client // go-redis may have made it anew
	}
	losing := make(map[*member]bool)
	for slot, from := range s.homes {
		to := s.members[addrs[slot]] // the address of a slot that nobody has is anybody's
		if from != to && from != nil {
			losing[from] = true
		}
		s.homes[slot] = to
	}
	gained = make(map[*member]bool)
	for from := range losing {
		s.move(from.registry, func(ch event.Channel) bool { return s.homes[s.slot(ch)] != from }, gained)
	}
	s.move(s.nowhere, func(event.Channel) bool { return true }, gained)
	return fresh, gained, gone
}

// masters are the clients of those that have slots, by address.
func masters(ctx context.Context, cluster *redis.ClusterClient) (map[string]*redis.Client, error) {
	var mu sync.Mutex
	clients := make(map[string]*redis.Client)
	err := cluster.ForEachMaster(ctx, func(_ context.Context, c *redis.Client) error {
		mu.Lock()
		defer mu.Unlock()
		clients[c.Options().Addr] = c
		return nil
	})
	if err == nil && len(clients) == 0 {
		err = errUndecided
	}
	return clients, err
}

// move takes channels out of a registry and into that of their home, and notes who
// got some: these are to be in doubt until all are acknowledged. The caller has s.mu.
func (s *redisSubscriber) move(from *registry, fits func(event.Channel) bool, gained map[*member]bool) {
	wanted, ended := from.leave(fits)
	s.dispatcher.acknowledge(kindUnsubscribed, ended...)
	for _, ch := range wanted {
		to := s.homes[s.slot(ch)]
		if to == nil {
			s.nowhere.enter(ch)
			continue
		}
		to.registry.enter(ch)
		gained[to] = true
		to.wake.Raise()
	}
}

// evict takes from a member the channels of slots that its server does not have any
// more, and has the Cluster asked who has them.
func (s *redisSubscriber) evict(m *member, slots map[int]bool) {
	s.mu.Lock()
	for slot := range slots {
		if s.homes[slot] == m {
			s.homes[slot] = nil
		}
	}
	gained := make(map[*member]bool)
	s.move(m.registry, func(ch event.Channel) bool { return slots[s.slot(ch)] }, gained)
	s.mu.Unlock()
	for m := range gained {
		s.doubts.set(m, true)
	}
	if s.nowhere.size() > 0 {
		s.doubts.set(s, true)
	}
	s.placing.Raise()
}

// slotsOf lists the slots that a member has.
func (s *redisSubscriber) slotsOf(m *member) (slots []int) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for slot, home := range s.homes {
		if home == m {
			slots = append(slots, slot)
		}
	}
	return slots
}
