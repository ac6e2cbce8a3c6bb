package kept

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

// Ranges implements Log.
func (r *Redis) Ranges(ctx context.Context, ranges []store.Range) ([]store.Page, error) {
	if len(ranges) > store.MaxRanges {
		return nil, fmt.Errorf("%d ranges: want at most %d", len(ranges), store.MaxRanges)
	}
	if len(ranges) == 0 {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	calls := make([]call, len(ranges))
	for i := range ranges {
		calls[i] = call{
			keys: []string{r.streamKey(ranges[i].Channel)},
			args: []any{ranges[i].After, ranges[i].Limit, share(len(ranges))},
		}
	}
	pages := make([]store.Page, len(ranges))
	for i, a := range readScript.run(ctx, r.client, calls) {
		s, err := readState(a)
		if err != nil {
			return nil, unread("read events", err)
		}
		var hole bool
		if pages[i], hole = s.Page(ranges[i]); hole {
			r.cfg.Logger.Error("events are missing in the log", "channel", ranges[i].Channel, "after", ranges[i].After, "floor", pages[i].Floor, "head", pages[i].Seq)
		}
	}
	return pages, nil
}

// readState reads the answer of read.lua.
func readState(a reply) (s store.Snapshot, err error) {
	switch {
	case a.err != nil:
		return store.Snapshot{}, a.err
	case len(a.values) == 0:
		return store.Snapshot{}, nil
	case len(a.values) != 6:
		return store.Snapshot{}, errAnswer
	}
	head := texts(a.values[:4])
	entries, ok := a.values[4].([]any)
	if len(head) != 4 || !ok {
		return store.Snapshot{}, errAnswer
	}
	if s, err = readHead(head); err != nil {
		return store.Snapshot{}, err
	}
	if s.Now, err = strconv.ParseInt(head[3], 10, 64); err != nil {
		return store.Snapshot{}, fmt.Errorf("%w: %w", errAnswer, err)
	}
	s.Cut, s.Records = a.values[5] != int64(0), make([]store.Record, len(entries))
	for i, raw := range entries {
		if s.Records[i], err = readEntry(raw); err != nil {
			return store.Snapshot{}, err
		}
	}
	return s, nil
}

// readHead reads the epoch, head and floor of a channel.
func readHead(fields []string) (store.Snapshot, error) {
	seq, err1 := strconv.ParseUint(fields[1], 10, 63)
	floor, err2 := strconv.ParseUint(fields[2], 10, 63)
	if err := errors.Join(err1, err2); err != nil {
		return store.Snapshot{}, fmt.Errorf("%w: %w", errAnswer, err)
	}
	return store.Snapshot{Epoch: event.Epoch(fields[0]), Head: headOf(seq, floor)}, nil
}

// readEntry reads an entry of a stream: its id, and names and values in turn.
func readEntry(raw any) (store.Record, error) {
	pair, _ := raw.([]any)
	if len(pair) != 2 {
		return store.Record{}, errAnswer
	}
	id, _ := pair[0].(string)
	values, _ := pair[1].([]any)
	fields := texts(values)
	if len(fields) != 8 {
		return store.Record{}, errAnswer
	}
	e := store.Record{Type: fields[3], Data: []byte(fields[5])}
	_, seq, _ := strings.Cut(id, "-")
	var errs [3]error
	e.Seq, errs[0] = strconv.ParseUint(seq, 10, 63)
	e.Time, errs[1] = strconv.ParseInt(fields[1], 10, 64)
	e.Expires, errs[2] = strconv.ParseInt(fields[7], 10, 64)
	if err := errors.Join(errs[:]...); err != nil {
		return store.Record{}, fmt.Errorf("%w: %w", errAnswer, err)
	}
	return e, nil
}

// headOf is a head whose version grows with every append and every trim: the one raises
// the newest seq, and the other the floor.
func headOf(seq, floor uint64) store.Head {
	return store.Head{Seq: seq, Floor: floor, Version: seq + floor}
}

// keptHead is a snapshot without its events.
func keptHead(s *store.Snapshot, ch event.Channel) store.KeptHead {
	h := store.KeptHead{Epoch: s.Epoch, Head: s.Head}
	h.Channel = ch
	return h
}

// Heads implements Log.
func (r *Redis) Heads(ctx context.Context, channels []event.Channel, fresh bool) (_ []store.KeptHead, err error) {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	client := r.client
	if fresh {
		client, err = anew(client)
		if err != nil {
			return nil, unread("read heads", err)
		}
		defer func() { _ = client.Close() }() // it was only read from
	}
	heads := make([]store.KeptHead, 0, len(channels))
	for some := range slices.Chunk(channels, store.MaxRanges) {
		var calls []call
		for together := range slices.Chunk(some, r.together()) {
			keys := make([]string, len(together))
			for i, ch := range together {
				keys[i] = r.streamKey(ch)
			}
			calls = append(calls, call{keys: keys})
		}
		for i, a := range headsScript.run(ctx, client, calls) {
			states, err := readHeads(a, len(calls[i].keys))
			if err != nil {
				return nil, unread("read heads", err)
			}
			for _, s := range states {
				heads = append(heads, keptHead(&s, channels[len(heads)]))
			}
		}
	}
	return heads, nil
}

// together is how many channels one call reads: on a Cluster each may be
// elsewhere. Many at once cost a quarter less, because the server says but once
// who it is; but nobody else is served meanwhile.
func (r *Redis) together() int {
	if _, cluster := r.client.(*redis.ClusterClient); cluster {
		return 1
	}
	return 50
}

// readHeads reads the answer of heads.lua about n channels.
func readHeads(a reply, n int) ([]store.Snapshot, error) {
	fields := texts(a.values)
	switch {
	case a.err != nil:
		return nil, a.err
	case len(fields) != 3*n:
		return nil, errAnswer
	}
	states := make([]store.Snapshot, n)
	for i := range states {
		var err error
		if states[i], err = readHead(fields[3*i:]); err != nil {
			return nil, err
		}
	}
	return states, nil
}

// anew is a client with the same settings and without connections.
func anew(client redis.UniversalClient) (redis.UniversalClient, error) {
	switch c := client.(type) {
	case *redis.Client:
		// Behind Sentinel its dialler asks for the master every time.
		o := *c.Options()
		o.PoolSize, o.MinIdleConns = 1, 0
		return redis.NewClient(&o), nil
	case *redis.ClusterClient:
		o := *c.Options()
		o.PoolSize, o.MinIdleConns = 1, 0
		return redis.NewClusterClient(&o), nil
	}
	return nil, fmt.Errorf("a client of type %T can't be made anew", client)
}
