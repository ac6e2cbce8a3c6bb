package kept

import (
	"context"
	"encoding/hex"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/store"
)

// How long Redis may take for what.
const (
	writeTimeout = 3 * time.Second
	readTimeout  = 3 * time.Second
)

// Redis is a log on Redis 6.2 or newer, on one server, behind Sentinel or on a
// Cluster; reads go to masters. An account needs INFO, TIME, PUBLISH, on a Cluster
// SPUBLISH, and the commands on keys and streams, and of memory Redis should have enough, with the
// policy noeviction: publishers are then told when there is none. Where keys are
// evicted instead, channels begin new epochs.
//
// An epoch ends whenever Redis starts, is promoted or loses the channel's key,
// and also, for nothing, when the channel's slot moves to another node of a
// Cluster, when a server's first replica comes and when its last has been gone for
// repl-backlog-ttl.
type Redis struct {
	client redis.UniversalClient
	cfg    Config
}

// NewRedis makes a log over a client of fanout.OpenRedis, which stays the
// caller's to close. It does not connect.
func NewRedis(client redis.UniversalClient, cfg Config) *Redis {
	return &Redis{client: client, cfg: cfg.withDefaults()}
}

// The names of keys. Braces can't occur in the name of a channel: on a Cluster
// what they enclose decides which node has the key, so that all keys of a channel
// are together.
func (r *Redis) streamKey(ch event.Channel) string {
	return r.cfg.Prefix + "log:{" + string(ch) + "}"
}

func (r *Redis) recordKey(ch event.Channel, k *store.Key) string {
	id := k.ID()
	return r.cfg.Prefix + "key:{" + string(ch) + "}:" + hex.EncodeToString(id[:16])
}

// Purge implements Log. The epoch of the message that it publishes is the
// channel's.
func (r *Redis) Purge(ctx context.Context, ch event.Channel) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	classic, sharded := r.cfg.Names(ctx, ch)
	a := purgeScript.run(ctx, r.client, []call{{
		keys: []string{r.streamKey(ch)},
		args: []any{classic, fanout.WireVersion, sharded},
	}})[0]
	if a.err != nil {
		return unread("purge", a.err)
	}
	return nil
}

var _ Log = (*Redis)(nil)
