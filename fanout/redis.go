package fanout

import (
	"context"
	"fmt"
	"log/slog"
	"slices"

	"github.com/redis/go-redis/v9"
)

// Redis is a bus over Redis Pub/Sub, on one server, behind Sentinel or on a
// Cluster, where Config.Pubsub says which kind of it.
type Redis struct {
	client   redis.UniversalClient
	cfg      Config
	decision decision
}

// NewRedis makes a bus over a client of OpenRedis, which stays the caller's to
// close, after all subscribers.
func NewRedis(client redis.UniversalClient, cfg Config) *Redis {
	return &Redis{client: client, cfg: cfg.withDefaults()}
}

// Publish sends the messages in one pipeline. On a Cluster there is one for each
// node, all of a channel's messages go through the same, so that they keep their
// order. Receivers are counted where all of them listen at one node: not by PUBLISH
// on a Cluster, which counts only those at the node that it reached.
func (b *Redis) Publish(ctx context.Context, messages []Message) ([]int, error) {
	if len(messages) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, b.cfg.PublishTimeout)
	defer cancel()
	receivers := slices.Repeat([]int{-1}, len(messages))
	w, err := b.decide(ctx)
	if err != nil {
		return receivers, fmt.Errorf("publish: %w", err)
	}
	sending := make([]outgoing, 0, len(messages))
	for i := range messages {
		m := &messages[i]
		wire := appendWire(make([]byte, 0, wireFixed+len(m.Epoch)+len(m.Frame)), m, b.cfg.MaxFrame)
		if w.classic {
			sending = append(sending, outgoing{of: i, name: b.cfg.name(m.Channel), wire: wire})
		}
		if w.sharded {
			sending = append(sending, outgoing{of: i, name: b.cfg.shardName(m.Channel), wire: wire, sharded: true})
		}
	}
	if err := b.sendAll(ctx, sending); err != nil {
		return receivers, fmt.Errorf("publish: %w", err)
	}
	_, clustered := b.client.(*redis.ClusterClient)
	for _, o := range sending {
		// Of those who listen the other way nothing is known, so that 0 says nothing.
		if n := int(o.answer.Val()); !clustered || o.sharded && (!w.classic || n > 0) {
			receivers[o.of] = n
		}
	}
	return receivers, nil
}

// Subscriber makes a subscriber for h and has it connect.
func (b *Redis) Subscriber(h Handler) Subscriber { return newRedisSubscriber(b, h) }

var _ Bus = (*Redis)(nil)

// SetRedisLogger has go-redis, which otherwise prints to standard error, log to l
// at debug level: what an operator should know, the bus says itself. It is for the
// start of a program, before the first client is made.
func SetRedisLogger(l *slog.Logger) { redis.SetLogger(redisLogger{l}) }

type redisLogger struct{ log *slog.Logger }

func (r redisLogger) Printf(ctx context.Context, format string, v ...any) {
	if r.log.Enabled(ctx, slog.LevelDebug) {
		r.log.DebugContext(ctx, fmt.Sprintf(format, v...), "part", "redis")
	}
}
