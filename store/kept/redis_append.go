package kept

import (
	"context"
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

// What one call of append.lua carries: Redis serves nobody else meanwhile.
const (
	callEvents = 64
	callBytes  = 256 << 10
)

// lane is what is still to be appended to one channel: indexes of entries.
type lane struct {
	ch   event.Channel
	rest []int
}

// next cuts off what the next call carries.
func (l *lane) next(entries []store.Entry) []int {
	n, size := 0, 0
	for n < len(l.rest) && n < callEvents {
		if size += len(entries[l.rest[n]].Data); n > 0 && size > callBytes {
			break
		}
		n++
	}
	some := l.rest[:n]
	l.rest = l.rest[n:]
	return some
}

// Append implements Log. A pipeline has one call for each channel, and what does
// not fit into that waits for its answer. So nothing that may have to be sent again
// is ever overtaken by what comes after it.
func (r *Redis) Append(ctx context.Context, entries []store.Entry) []store.KeptAppended {
	results := make([]store.KeptAppended, len(entries))
	lanes := byChannel(entries, results)
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	for len(lanes) > 0 {
		if gone := left(ctx); gone != nil {
			for _, l := range lanes {
				refuse(results, l.rest, gone)
			}
			break
		}
		calls := make([]call, len(lanes))
		sent := make([][]int, len(lanes))
		for i, l := range lanes {
			sent[i] = l.next(entries)
			calls[i] = r.appendCall(ctx, l.ch, entries, sent[i])
		}
		going := lanes[:0]
		for i, a := range appendScript.run(ctx, r.client, calls) {
			settle(results, sent[i], a, calls[i].counted)
			switch l := lanes[i]; {
			case len(l.rest) == 0:
			case a.err != nil: // what was sent may still be carried out, and nothing must be before it
				refuse(results, l.rest, fmt.Errorf("%w: %w", store.ErrNotWritten, unread("append", a.err)))
			default:
				going = append(going, l)
			}
		}
		lanes = going
	}
	return results
}

// byChannel sorts out the entries that can't be appended, and leaves the others in
// their order.
func byChannel(entries []store.Entry, results []store.KeptAppended) []*lane {
	var lanes []*lane
	of := make(map[event.Channel]*lane)
	for i := range entries {
		if n := len(entries[i].Channels); n != 1 {
			refuse(results, []int{i}, fmt.Errorf("%w: an entry names %d channels", store.ErrNotWritten, n))
			continue
		}
		ch := entries[i].Channels[0]
		l := of[ch]
		if l == nil {
			l = &lane{ch: ch}
			of[ch], lanes = l, append(lanes, l)
		}
		l.rest = append(l.rest, i)
	}
	return lanes
}

func refuse(results []store.KeptAppended, which []int, err error) {
	for _, i := range which {
		results[i] = unappended(err)
	}
}

func unappended(err error) store.KeptAppended {
	return store.KeptAppended{Appended: store.Appended{Err: err}, Receivers: -1}
}

func (r *Redis) appendCall(ctx context.Context, ch event.Channel, entries []store.Entry, which []int) call {
	keep := r.cfg.Retention(ch)
	classic, sharded := r.cfg.Names(ctx, ch)
	_, oneServer := r.client.(*redis.Client) // PUBLISH counts those of one node
	c := call{
		counted: oneServer || sharded != "",
		keys:    []string{r.streamKey(ch)},
		args: []any{
			newLife(), keep.MaxCount, keep.MaxAge.Milliseconds(), (quiet + keep.MaxAge).Milliseconds(),
			classic, fanout.WireVersion, r.cfg.MaxFrame, keyLife.Milliseconds(), sharded,
		},
	}
	for _, i := range which {
		e := &entries[i]
		record, body := 0, []byte(nil)
		if e.Key != nil {
			c.keys = append(c.keys, r.recordKey(ch, e.Key))
			record, body = len(c.keys), e.Key.Body[:]
		}
		frame := event.NewFrameParts(ch, e.Type)
		c.args = append(c.args, record, body, frame.BeforeSeq, frame.BeforeTime, frame.BeforeData, frame.AfterData,
			e.Type, e.Data, e.Expiry())
	}
	return c
}

// settle reads the answers of append.lua.
func settle(results []store.KeptAppended, which []int, a reply, counted bool) {
	if a.err != nil {
		refuse(results, which, unwritten(a.err))
		return
	}
	for n, i := range which {
		answer := []any{nil} // no answer of any version
		if len(a.values) == len(which) {
			if list, ok := a.values[n].([]any); ok {
				answer = list
			}
		}
		results[i] = appended(answer, counted)
	}
}

// refusal is an error of the server about one event of a call.
type refusal string

func (r refusal) Error() string { return string(r) }

// RedisError implements redis.Error.
func (refusal) RedisError() {}

// newLife draws a number that no other key has had: 1 to 2^63-1 in decimal.
func newLife() string { return strconv.FormatUint(rand.Uint64N(1<<63-1)+1, 10) }

// appended reads the answer of append.lua to one event. counted as a call is.
func appended(values []any, counted bool) store.KeptAppended {
	var fields []string
	replayed, receivers := false, int64(-1)
	switch len(values) {
	case 0:
		return unappended(store.ErrKeyBody)
	case 1:
		replayed = true
		answer, _ := values[0].(string)
		fields = strings.Fields(answer)
	case 2:
		if why := texts(values); len(why) == 2 && why[0] == "refused" {
			return unappended(unwritten(refusal(why[1])))
		}
	case 4:
		if counted {
			receivers, _ = values[3].(int64)
		}
		fields = texts(values[:3])
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
	return unappended(fmt.Errorf("%w: %w", store.ErrUnavailable, errAnswer))
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
