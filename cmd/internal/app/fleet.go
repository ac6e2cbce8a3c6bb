package app

import (
	"context"
	"fmt"
	"net"
	"os"
	"slices"
	"time"

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
		Bus:  bus, Logger: s.log, Servers: s.servers,
	})
}

// servers is what the service stands on, as it knows by now.
func (s *Service) servers() (on fleet.Servers) {
	if s.database == nil {
		return on // a log in a file, a bus in memory
	}
	on.Redis = fleet.RedisGood
	if text := s.redisVerdict.Load(); text != nil {
		on.Redis = *text
	}
	for _, server := range s.database.Stats() {
		if !server.Replica {
			continue
		}
		r := fleet.Replica{Server: server.Server, PassedOver: server.PassedOver, Why: server.Why}
		if server.Lag >= 0 {
			r.Lag = new(server.Lag.Seconds())
		}
		on.Replicas = append(on.Replicas, r)
	}
	return on
}

// support is what the notifier of a program answers operators with.
func support(m *fleet.Member, to backends) *notifier.Support {
	s := &notifier.Support{Fleet: m, Records: to.log}
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
