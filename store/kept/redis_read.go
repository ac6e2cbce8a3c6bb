package kept

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

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
		if pages[i], hole = s.page(ranges[i]); hole {
			r.cfg.Logger.Error("events are missing in the log", "channel", ranges[i].Channel, "after", ranges[i].After, "floor", pages[i].Floor, "head", pages[i].Seq)
		}
	}
	return pages, nil
}

// state is what a log said of a channel at one moment. Of one that is not there
// it is zero.
type state struct {
	epoch   event.Epoch
	head    uint64
	floor   uint64
	now     int64
	entries []entry
	full    bool // there were more
}

// entry is one event as it is kept.
type entry struct {
	seq     uint64
	typ     string
	time    int64
	data    []byte
	expires int64 // 0: never
}

// readState reads the answer of read.lua.
func readState(a reply) (s state, err error) {
	switch {
	case a.err != nil:
		return state{}, a.err
	case len(a.values) == 0:
		return state{}, nil
	case len(a.values) != 6:
		return state{}, errAnswer
	}
	head := texts(a.values[:4])
	entries, ok := a.values[4].([]any)
	if len(head) != 4 || !ok {
		return state{}, errAnswer
	}
	s.epoch, s.full = event.Epoch(head[0]), a.values[5] != int64(0)
	var errs [3]error
	s.head, errs[0] = strconv.ParseUint(head[1], 10, 63)
	s.floor, errs[1] = strconv.ParseUint(head[2], 10, 63)
	s.now, errs[2] = strconv.ParseInt(head[3], 10, 64)
	if err := errors.Join(errs[:]...); err != nil {
		return state{}, fmt.Errorf("%w: %w", errAnswer, err)
	}
	s.entries = make([]entry, len(entries))
	for i, raw := range entries {
		if s.entries[i], err = readEntry(raw); err != nil {
			return state{}, err
		}
	}
	return s, nil
}

// readEntry reads an entry of a stream: its id, and names and values in turn.
func readEntry(raw any) (entry, error) {
	pair, _ := raw.([]any)
	if len(pair) != 2 {
		return entry{}, errAnswer
	}
	id, _ := pair[0].(string)
	values, _ := pair[1].([]any)
	fields := texts(values)
	if len(fields) != 8 {
		return entry{}, errAnswer
	}
	e := entry{typ: fields[3], data: []byte(fields[5])}
	_, seq, _ := strings.Cut(id, "-")
	var errs [3]error
	e.seq, errs[0] = strconv.ParseUint(seq, 10, 63)
	e.time, errs[1] = strconv.ParseInt(fields[1], 10, 64)
	e.expires, errs[2] = strconv.ParseInt(fields[7], 10, 64)
	if err := errors.Join(errs[:]...); err != nil {
		return entry{}, fmt.Errorf("%w: %w", errAnswer, err)
	}
	return e, nil
}

// keptHead is the state without events.
func (s *state) keptHead(ch event.Channel) store.KeptHead {
	return store.KeptHead{Epoch: s.epoch, Head: s.of(ch)}
}

// of is the head. Its version grows with every append and every trim: the one
// raises the newest seq, and the other the floor.
func (s *state) of(ch event.Channel) store.Head {
	return store.Head{Channel: ch, Seq: s.head, Floor: s.floor, Version: s.head + s.floor}
}

// page makes the answer to r. hole tells that entries are missing above the
// floor: somebody deleted them by hand. The page ends before a hole, and if it
// begins with one, says so by its floor: what is gone is announced to those who
// come for it, as if retention had taken it.
func (s *state) page(r store.Range) (p store.Page, hole bool) {
	p = store.Page{Head: s.of(r.Channel), Epoch: s.epoch, Last: max(r.After, s.floor)}
	start := p.Last
	for _, e := range s.entries {
		if e.seq != p.Last+1 {
			if p.Last > start {
				return p, true
			}
			hole, p.Floor = true, e.seq-1
		}
		p.Last = e.seq
		if e.expires != 0 && e.expires <= s.now {
			continue
		}
		p.Events = append(p.Events, event.Event{Channel: r.Channel, Seq: e.seq, Type: e.typ, Time: time.UnixMilli(e.time).UTC(), Data: e.data})
	}
	if s.full || len(s.entries) >= r.Limit || p.Last >= s.head {
		return p, hole
	}
	if p.Last == start {
		p.Floor, p.Last = s.head, s.head
	}
	return p, true
}
