package fanout

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// ErrUnfit is what the verdict on a Redis wraps that answers, and does not do what is
// needed until somebody changes it. Its text is one sentence for an operator.
var ErrUnfit = errors.New("this Redis does not do")

// ErrAccountRefused says that Redis does not know the user, or has another password.
var ErrAccountRefused = errors.New("Redis refuses the account")

// checkTimeout bounds Check.
const checkTimeout = 5 * time.Second

// Check tries what a bus does, on the way to which nothing arrives at anybody. It
// returns an error that wraps ErrUnfit or ErrAccountRefused, or another one if Redis
// can't be asked.
func (b *Redis) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	if one, ok := b.client.(*redis.Client); ok {
		// An account that may not ask finds out by what else it may not.
		info, err := one.Info(ctx).Result()
		if refused := redis.Error(nil); err != nil && !errors.As(err, &refused) {
			return err
		}
		if err := Judged(err, ""); errors.Is(err, ErrAccountRefused) {
			return err
		}
		switch {
		case strings.Contains(info, "redis_mode:sentinel"):
			return fmt.Errorf("%w: the address leads to a Sentinel, want redis+sentinel://host:port/master", ErrUnfit)
		case strings.Contains(info, "cluster_enabled:1"):
			return fmt.Errorf("%w: the address leads to a node of a Cluster, want redis+cluster://host:port,host:port", ErrUnfit)
		}
	}
	w, err := b.decide(ctx)
	if err != nil {
		return err
	}
	name, listen := b.cfg.Prefix+"!check", b.client.Subscribe
	if w.sharded {
		listen = b.client.SSubscribe
		if err := b.client.SPublish(ctx, name, "").Err(); err != nil {
			return Judged(err, "SPUBLISH on "+b.cfg.Prefix+"*")
		}
	}
	if w.classic {
		if err := b.client.Publish(ctx, name, "").Err(); err != nil {
			return Judged(err, "PUBLISH on "+b.cfg.Prefix+"*")
		}
	}
	listening := listen(ctx, name)
	_, err = listening.Receive(ctx)
	return errors.Join(Judged(err, "SUBSCRIBE or SSUBSCRIBE to "+b.cfg.Prefix+"*"), listening.Close())
}

// Judged makes a verdict of the answer of Redis to what was tried.
func Judged(err error, tried string) error {
	for _, code := range []string{"WRONGPASS", "NOAUTH"} {
		if redis.HasErrorPrefix(err, code) {
			return fmt.Errorf("%w: %w", ErrAccountRefused, err)
		}
	}
	if redis.HasErrorPrefix(err, "NOPERM") {
		return fmt.Errorf("%w: the account lacks the right to %s: %w", ErrUnfit, tried, err)
	}
	return err
}
