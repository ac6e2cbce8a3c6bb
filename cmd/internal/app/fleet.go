package app

import (
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"time"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/fleet"
	"github.com/bellhop/bellhop/gateway/limit"
	"github.com/bellhop/bellhop/internal/version"
	"github.com/bellhop/bellhop/notifier"
)

// newMember makes the service's place in the fleet.
func (s *Service) newMember(role string, bus fanout.Publisher) *fleet.Member {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	_, port, err := net.SplitHostPort(s.public.Addr().String())
	if err != nil {
		port = "unknown"
	}
	return fleet.New(fleet.Config{
		Self: fleet.Process{Name: host + ":" + port, Role: role, Version: version.Read().Version, Started: time.Now()},
		Bus:  bus, Logger: s.log,
	})
}

// join has a member listen through a subscription of its own.
func (s *Service) join(m *fleet.Member, subscribe func(fanout.Handler) fanout.Subscriber) {
	listens := subscribe(m.Tap(nil))
	s.onClose(listens.Close)
	m.Start(listens)
	s.onClose(m.Close)
}

// support is what the notifier of a program answers operators with.
func support(m *fleet.Member, to backends) *notifier.Support {
	s := &notifier.Support{Fleet: m, Records: to.log, Kept: to.kept, Leeway: auth.DefaultLeeway}
	if to.redis != nil {
		s.Earlier = func(ctx context.Context, known []string) ([]string, error) {
			ctx, cancel := context.WithTimeout(ctx, fleet.Wait)
			defer cancel()
			members, err := limit.Members(ctx, to.redis)
			if err != nil {
				return nil, fmt.Errorf("who counts streams: %w", err)
			}
			return slices.DeleteFunc(members, func(id string) bool { return slices.Contains(known, id) }), nil
		}
	}
	return s
}
