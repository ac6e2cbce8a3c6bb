package kept

import (
	"context"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
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
// Cluster; reads go to masters. An account needs INFO, TIME, PUBLISH and the
// commands on keys and streams, and of memory Redis should have enough, with the
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

// Append implements Log. The entries go out in one pipeline.
func (r *Redis) Append(ctx context.Context, entries []store.Entry) []store.KeptAppended {
	results := make([]store.KeptAppended, len(entries))
	calls := make([]call, 0, len(entries))
	which := make([]int, 0, len(entries))
	gone := left(ctx)
	for i := range entries {
		switch n := len(entries[i].Channels); {
		case n != 1:
			results[i].Err = fmt.Errorf("%w: an entry names %d channels", store.ErrNotWritten, n)
		case gone != nil:
			results[i].Err = gone
		default:
			calls = append(calls, r.appendCall(&entries[i]))
			which = append(which, i)
		}
	}
	if len(calls) == 0 {
		return results
	}
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	for i, reply := range appendScript.run(ctx, r.client, calls) {
		results[which[i]] = r.appended(reply)
	}
	return results
}

func (r *Redis) appendCall(e *store.Entry) call {
	ch := e.Channels[0]
	keep := r.cfg.Retention(ch)
	frame := event.NewFrameParts(ch, e.Type)
	c := call{
		keys: []string{r.streamKey(ch)},
		args: []any{
			newLife(), keep.MaxCount, keep.MaxAge.Milliseconds(), (quiet + keep.MaxAge).Milliseconds(),
			r.cfg.Prefix + string(ch), fanout.WireVersion, r.cfg.MaxFrame,
			frame.BeforeSeq, frame.BeforeTime, frame.BeforeData, frame.AfterData,
			e.Type, e.Data, expiry(e.ExpiresAt),
		},
	}
	if e.Key != nil {
		c.keys = append(c.keys, r.recordKey(ch, e.Key))
		c.args = append(c.args, e.Key.Body[:], keyLife.Milliseconds())
	}
	return c
}

// newLife draws a number that no other key has had: 1 to 2^63-1 in decimal.
func newLife() string { return strconv.FormatUint(rand.Uint64N(1<<63-1)+1, 10) }

// expiry is in milliseconds since 1970; 0 for never. A moment that would be 0 or
// earlier is past in any case.
func expiry(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return max(t.UnixMilli(), 1)
}

// appended reads the answer of append.lua.
func (r *Redis) appended(a reply) store.KeptAppended {
	failed := func(err error) store.KeptAppended {
		return store.KeptAppended{Appended: store.Appended{Err: err}, Receivers: -1}
	}
	if a.err != nil {
		return failed(unwritten(a.err))
	}
	var fields []string
	replayed, receivers := false, int64(-1)
	switch len(a.values) {
	case 0:
		return failed(store.ErrKeyBody)
	case 1:
		replayed = true
		answer, _ := a.values[0].(string)
		fields = strings.Fields(answer)
	case 4:
		if _, oneServer := r.client.(*redis.Client); oneServer {
			// In a Cluster the number is that of one node's subscribers.
			receivers, _ = a.values[3].(int64)
		}
		fields = texts(a.values[:3])
	}
	if len(fields) == 3 {
		seq, err1 := strconv.ParseUint(fields[1], 10, 63)
		ms, err2 := strconv.ParseInt(fields[2], 10, 64)
		if err1 == nil && err2 == nil {
			return store.KeptAppended{
				Appended: store.Appended{Seqs: []uint64{seq}, Time: time.UnixMilli(ms).UTC(), Replayed: replayed},
				Epoch:    event.Epoch(fields[0]), Receivers: int(receivers),
			}
		}
	}
	return failed(fmt.Errorf("%w: %w", store.ErrUnavailable, errAnswer))
}

// texts are the strings among values, which all should be.
func texts(values []any) []string {
	s := make([]string, 0, len(values))
	for _, v := range values {
		if text, ok := v.(string); ok {
			s = append(s, text)
		}
	}
	return s
}

// Purge implements Log. The epoch of the message that it publishes is the
// channel's.
func (r *Redis) Purge(ctx context.Context, ch event.Channel) error {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	a := purgeScript.run(ctx, r.client, []call{{
		keys: []string{r.streamKey(ch)},
		args: []any{r.cfg.Prefix + string(ch), fanout.WireVersion},
	}})[0]
	if a.err != nil {
		return unread("purge", a.err)
	}
	return nil
}

var _ Log = (*Redis)(nil)
