package app

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"github.com/bellhop/bellhop/gateway"
	"github.com/bellhop/bellhop/store"
)

// figures are metrics that are read where they are kept when somebody asks for them.
type figures struct {
	of      []figure
	collect func(to func(which int, value float64, labels ...string))
}

type figure struct {
	*prometheus.Desc

	kind prometheus.ValueType
}

func counter(name, help string, labels ...string) figure {
	return figure{prometheus.NewDesc(name, help, labels, nil), prometheus.CounterValue}
}

func gauge(name, help string, labels ...string) figure {
	return figure{prometheus.NewDesc(name, help, labels, nil), prometheus.GaugeValue}
}

// Describe implements prometheus.Collector.
func (f *figures) Describe(to chan<- *prometheus.Desc) {
	for _, one := range f.of {
		to <- one.Desc
	}
}

// Collect implements prometheus.Collector.
func (f *figures) Collect(to chan<- prometheus.Metric) {
	f.collect(func(which int, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(f.of[which].Desc, f.of[which].kind, value, labels...)
	})
}

// databaseFigures are those of the log's servers.
func databaseFigures(log *store.DB) *figures {
	return &figures{databaseOf, func(to func(int, float64, ...string)) {
		for _, s := range log.Stats() {
			role := map[bool]string{true: "replica", false: "primary"}[s.Replica]
			to(0, float64(s.Pool.OpenConnections), s.Server, role)
			to(1, float64(s.Pool.InUse), s.Server, role)
			to(2, float64(s.Pool.WaitCount), s.Server, role)
			to(3, s.Pool.WaitDuration.Seconds(), s.Server, role)
			to(4, float64(s.Pages), s.Server, role)
			if s.Replica {
				to(5, float64(s.Behind), s.Server)
				to(6, float64(s.Failures), s.Server)
				to(7, map[bool]float64{true: 1}[s.PassedOver], s.Server)
				if s.Lag >= 0 {
					to(8, s.Lag.Seconds(), s.Server)
				}
			}
		}
	}}
}

var databaseOf = []figure{
	gauge("bellhop_database_connections", "Open connections to a server of the log.", "server", "role"),
	gauge("bellhop_database_connections_in_use", "Open connections to a server of the log that are in use.", "server", "role"),
	counter("bellhop_database_connection_waits_total", "Queries to a server of the log that had to wait for a connection.", "server", "role"),
	counter("bellhop_database_connection_wait_seconds_total", "Time that queries to a server of the log waited for a connection.", "server", "role"),
	counter("bellhop_database_pages_total", "Pages of events and inboxes that a server served.", "server", "role"),
	counter("bellhop_replica_behind_total", "Pages that were read from the primary because the replica did not have them yet.", "server"),
	counter("bellhop_replica_failures_total", "Queries that the replica did not answer.", "server"),
	gauge("bellhop_replica_passed_over", "1 while the replica is not asked because it does not answer.", "server"),
	gauge("bellhop_replica_lag_seconds", "How far the replica was behind within the last five seconds, at most a minute. There is no value while it is not known.", "server"),
}

// redisFigures are those of the connections to Redis.
func redisFigures(client redis.UniversalClient) *figures {
	return &figures{redisOf, func(to func(int, float64, ...string)) {
		s := client.PoolStats()
		to(0, float64(s.TotalConns))
		to(1, float64(s.TotalConns)-float64(s.IdleConns))
		to(2, float64(s.WaitCount))
		to(3, (time.Duration(s.WaitDurationNs)).Seconds())
		to(4, float64(s.Timeouts))
	}}
}

var redisOf = []figure{
	gauge("bellhop_redis_connections", "Open connections to Redis, without those that listen."),
	gauge("bellhop_redis_connections_in_use", "Open connections to Redis that are in use."),
	counter("bellhop_redis_connection_waits_total", "Commands to Redis that had to wait for a connection."),
	counter("bellhop_redis_connection_wait_seconds_total", "Time that commands to Redis waited for a connection."),
	counter("bellhop_redis_connection_timeouts_total", "Commands to Redis that got no connection in time."),
}

// accessFigures are how old what tokens are judged by is.
func accessFigures(keys func() *tokenKeys, revocations *gateway.Revocations) *figures {
	return &figures{tokenAges, func(to func(int, float64, ...string)) {
		if at := revocations.AsOf(); !at.IsZero() {
			to(0, seconds(at))
		}
		if at, known := keys().asOf(); known {
			to(1, seconds(at))
		}
	}}
}

var tokenAges = []figure{
	gauge("bellhop_revocations_last_read_timestamp_seconds", "When the list of revoked tokens was last read."),
	gauge("bellhop_jwks_last_read_timestamp_seconds", "When the key sets of issuers were last read. With several issuers, the oldest of these times."),
}

func seconds(at time.Time) float64 { return float64(at.UnixMilli()) / 1000 }
