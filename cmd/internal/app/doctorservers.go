package app

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/store"
	"github.com/bellhop/bellhop/store/kept"
)

// clockMayDiffer is by how much clocks may: more makes figures of delays wrong, and
// events expire early or late.
const clockMayDiffer = time.Second

func (x *examiner) clock(what string, ahead, roundTrip time.Duration) {
	if off := ahead.Abs() - roundTrip/2; off > clockMayDiffer {
		x.badf(what+", clock", "have all machines follow one time server", "differs from this machine's by %s", ahead.Round(time.Millisecond))
		return
	}
	x.goodf(what+", clock", "differs from this machine's by no more than %s", (ahead.Abs()+roundTrip/2).Truncate(time.Millisecond)+time.Millisecond)
}

// server judges a server of the log.
func (x *examiner) server(e store.Examination) {
	what := "primary " + e.Server
	if e.Replica {
		what = "replica " + e.Server
	}
	switch {
	case errors.Is(e.Err, store.ErrUnfit):
		x.badf(what, "use a server as operations.md lists them", "%v", e.Err)
		return
	case e.Err != nil:
		x.badf(what, "see that the address, the account and the network are right", "can't be asked: %v", e.Err)
		return
	}
	x.goodf(what+", version", "%s, max_allowed_packet %s", e.Version, e.Variables["max_allowed_packet"])
	if len(e.Denied) > 0 {
		x.badf(what+", rights", "GRANT SELECT, INSERT, UPDATE, DELETE on the database to the account", "the account may not %s", strings.Join(e.Denied, ", "))
	} else {
		x.goodf(what+", rights", "nothing was refused that the account tried")
	}
	switch {
	case errors.Is(e.Unready, store.ErrSchema):
		x.badf(what+", schema", "run notifier migrate, or start a notifier", "%v", e.Unready)
	case e.Unready != nil:
		x.badf(what+", state", "see docs/operations.md, The database", "%v", e.Unready)
	}
	x.clock(what, e.Ahead, e.RoundTrip)
	switch {
	case !e.Replica:
		x.durability(what, e.Variables)
	case e.Behind > store.MostBehind:
		x.badf(what+", lag", "see SHOW REPLICA STATUS: is it stopped, or slower than the primary", "has not got within %s what the primary had", store.MostBehind)
	case e.Behind > 0:
		x.goodf(what+", lag", "had what the primary had within %s", e.Behind.Truncate(time.Millisecond)+time.Millisecond)
	}
}

// durability says in words what a crash costs.
func (x *examiner) durability(what string, variables map[string]string) {
	if flush := variables["innodb_flush_log_at_trx_commit"]; flush != "1" {
		when := map[bool]string{true: "machine fails", false: "server crashes"}[flush == "2"]
		x.badf(what+", durability", "set innodb_flush_log_at_trx_commit = 1, unless that loss is acceptable",
			"innodb_flush_log_at_trx_commit is %s: if the %s, the events of the last second are gone, which publishers have a 201 for", flush, when)
	} else {
		x.goodf(what+", durability", "every acknowledged event is on disk")
	}
	switch {
	case variables["log_bin"] != "ON":
		x.goodf(what+", binary log", "is off: there can be no replicas, and no restore to a point in time")
	case variables["sync_binlog"] != "1":
		x.badf(what+", binary log", "set sync_binlog = 1, unless that loss is acceptable",
			"sync_binlog is %s: if the machine fails, replicas may lack events that the primary has, or the other way round", variables["sync_binlog"])
	default:
		x.goodf(what+", binary log", "is written to disk at each commit")
	}
}

// redis judges what the bus runs on, and the log of Redis-kept channels.
func (x *examiner) redis(ctx context.Context, client redis.UniversalClient, bus *fanout.Redis, policies auth.Policies) {
	ctx, cancel := context.WithTimeout(ctx, redisTime)
	defer cancel()
	keeping := keptConfig(func() *auth.Policies { return &policies }, x.log)
	keeping.Names = bus.Names
	keptLog := kept.NewRedis(client, keeping)
	err := verdict(ctx, bus, keptLog, &policies)
	evicts := errors.Is(err, kept.ErrEvicts)
	switch {
	case errors.Is(err, fanout.ErrAccountRefused):
		x.badf("Redis", "correct user and password", "%v", err)
		return
	case errors.Is(err, fanout.ErrUnfit):
		x.badf("Redis", "see docs/operations.md, Redis", "%v", err)
		return
	case err != nil && !evicts:
		x.badf("Redis", "see that the address and the network are right", "can't be asked: %v", err)
		return
	}
	x.goodf("Redis, rights", "the account may do what is needed")
	if evicts {
		x.badf("Redis, eviction", "set maxmemory-policy noeviction", "%v", err)
	}
	asked := time.Now()
	now, err := client.Time(ctx).Result()
	took := time.Since(asked)
	if err != nil {
		x.badf("Redis, clock", "let the account run TIME", "%v", err)
	} else {
		x.clock("Redis", now.Sub(asked.Add(took/2)), took)
	}
	info, err := client.Info(ctx).Result()
	if err != nil {
		x.badf("Redis, kind", "let the account run INFO", "%v", err)
		return
	}
	said := redisInfo(info)
	x.goodf("Redis, kind", "version %s, %s", said["redis_version"], map[bool]string{true: "a Cluster", false: "no Cluster"}[said["cluster_enabled"] == "1"])
	if said["aof_enabled"] == "1" {
		x.goodf("Redis, persistence", "writes what it is told to a file; Bellhop does not need it")
	} else {
		x.goodf("Redis, persistence", "no append-only file: a restart ends Redis-kept channels, and clients are told so")
	}
	switch policy := said["maxmemory_policy"]; {
	case evicts: // it is said
	case said["maxmemory"] == "0":
		x.goodf("Redis, eviction", "none, there is no maxmemory")
	case policy == "noeviction":
		x.goodf("Redis, eviction", "none, maxmemory is %s bytes", said["maxmemory"])
	default:
		x.goodf("Redis, eviction", "%s, which is all right while no namespace is kept in Redis", policy)
	}
}

// redisTime bounds the look at Redis.
const redisTime = 15 * time.Second

// redisInfo takes what INFO says apart. (InfoMap of go-redis panics where a server that is
// like Redis answers without headings.)
func redisInfo(text string) map[string]string {
	said := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			said[name] = value
		}
	}
	return said
}
