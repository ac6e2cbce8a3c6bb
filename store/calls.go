package store

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/bellhop/bellhop/event"
)

// CallID names a call for as long as it is tried.
type CallID [16]byte

func (id CallID) String() string { return hex.EncodeToString(id[:]) }

// NewCall is a call that is to be made: of one person's events, to one target.
type NewCall struct {
	ID     CallID // drawn at random
	Events []Due  // at least one
}

// Call is a call that somebody has taken on.
type Call struct {
	ID      CallID
	Target  string
	Channel event.Channel
	Made    time.Time
	Tries   int // with this one
	// Unread is how many events of the inbox are unread.
	Unread uint64
	// Events are those that are still to be told, ascending. None: there is nothing to
	// tell any more.
	Events []InboxItem

	lease int64
}

// parkedAt is the time of calls that are not tried any more.
const parkedAt = int64(1) << 62

// callRow is a row of escalation_calls.
type callRow struct {
	ID      []byte `db:"id"`
	Made    int64  `db:"made"`
	Channel []byte `db:"channel"`
	Tries   int    `db:"tries"`
	Events  []byte `db:"events"`
}

// callEvent is an event of a call with what is to be known of it.
type callEvent struct {
	Name      event.Channel `db:"name"`
	Unread    uint64        `db:"unread"`
	Seq       uint64        `db:"seq"`
	Type      string        `db:"type"`
	CreatedAt int64         `db:"created_at"`
	Data      []byte        `db:"data"`
	IsRead    bool          `db:"is_read"`
	IsSeen    bool          `db:"is_seen"`
}

func (t *tx) insertCalls(calls []NewCall) error {
	values := make([]any, 0, 8*len(calls))
	for _, c := range calls {
		events := make([][2]uint64, len(c.Events))
		for i, e := range c.Events {
			events[i] = [2]uint64{e.Seq, uint64(e.Unless)}
		}
		packed, err := json.Marshal(events)
		if err != nil {
			return err
		}
		values = append(values, c.ID[:], c.Events[0].Target, t.meta.Now, t.meta.Now, c.Events[0].channel[:], packed, 0, "")
	}
	return t.insert("INSERT INTO escalation_calls (id, target, at, made, channel, events, tries, error)",
		"(?, ?, ?, ?, ?, ?, ?, ?)", values)
}

// ClaimCalls returns calls to a target that must be tried now, at most n. Nobody else
// gets them during the lease. A call that was not ended or put off by then is tried
// again, by anybody.
func (d *DB) ClaimCalls(ctx context.Context, target string, n int, lease time.Duration) ([]Call, error) {
	var calls []Call
	err := d.write(ctx, func(t *tx) error {
		calls = nil
		var rows []callRow
		if err := t.list(&rows, "SELECT id, made, channel, tries, events FROM escalation_calls WHERE target = ? AND at <= ? ORDER BY at LIMIT ?"+
			t.dialect.forUpdate, target, t.meta.Now, n); err != nil || len(rows) == 0 {
			return err
		}
		found, unless := make([][]callEvent, len(rows)), make([]map[uint64]Unless, len(rows))
		asks, ids := make([]ask, len(rows)), make([][]byte, len(rows))
		for i, r := range rows {
			var err error
			if asks[i], unless[i], err = r.events(&found[i], t.meta.Now); err != nil {
				return err
			}
			ids[i] = r.ID
		}
		if err := t.lists(asks); err != nil {
			return err
		}
		until := t.meta.Now + lease.Milliseconds()
		for i, r := range rows {
			call := Call{ID: CallID(r.ID), Target: target, Made: unixMilli(r.Made), Tries: r.Tries + 1, lease: until}
			for _, e := range found[i] {
				call.Channel, call.Unread = e.Name, e.Unread
				if !unless[i][e.Seq].spares(e.IsRead, e.IsSeen) {
					call.Events = append(call.Events, InboxItem{
						Event: event.Event{Channel: e.Name, Seq: e.Seq, Type: e.Type, Time: unixMilli(e.CreatedAt), Data: e.Data}, Read: e.IsRead,
					})
				}
			}
			calls = append(calls, call)
		}
		list, args := in(ids)
		return t.later("UPDATE escalation_calls SET at = ?, tries = tries + 1 WHERE id IN "+list, append([]any{until}, args...)...)
	})
	return calls, err
}

// events asks for the events of a call that lists still show.
func (r *callRow) events(into *[]callEvent, now int64) (ask, map[uint64]Unless, error) {
	var packed [][2]uint64
	if err := json.Unmarshal(r.Events, &packed); err != nil {
		return ask{}, nil, fmt.Errorf("the events of call %x: %w", r.ID, err)
	}
	seqs, unless := make([]uint64, len(packed)), make(map[uint64]Unless, len(packed))
	for i, p := range packed {
		seqs[i], unless[p[0]] = p[0], Unless(p[1])
	}
	list, args := in(seqs)
	return ask{
		rows: into,
		query: "SELECT c.name, c.unread, e.seq, e.type, e.created_at, e.data, " + markColumns +
			" FROM " + eventsOfInbox + " AND e.seq IN " + list + " AND e.seq > c.floor AND " + eventListed + " ORDER BY e.seq",
		args: slices.Concat([]any{r.Channel, r.Channel}, args, []any{now}),
	}, unless, nil
}

// EndCall forgets a call: it was answered, or there is nothing to tell.
func (d *DB) EndCall(ctx context.Context, c Call) error {
	return d.write(ctx, func(t *tx) error {
		return t.later("DELETE FROM escalation_calls WHERE id = ?", c.ID[:])
	})
}

// PutOffCall has a call be tried again after a while, or parks it, for good or until
// ReleaseCalls. Whoever has taken it on meanwhile is not disturbed.
func (d *DB) PutOffCall(ctx context.Context, c Call, wait time.Duration, park bool, why string) error {
	return d.write(ctx, func(t *tx) error {
		at := t.meta.Now + wait.Milliseconds()
		if park {
			at = parkedAt
		}
		return t.later("UPDATE escalation_calls SET at = ?, error = ? WHERE id = ? AND at = ?", at, why[:min(len(why), 255)], c.ID[:], c.lease)
	})
}

// CallsTo says how the calls to a target stand.
type CallsTo struct {
	Target  string
	Waiting int           // to be tried, now or later
	Parked  int           // not tried any more
	Late    time.Duration // how long ago the first of those that wait was made
}

// ParkedLife is how long a call is kept that is not tried any more.
const ParkedLife = 7 * 24 * time.Hour

// CallsTo tells how calls stand, by target.
func (d *DB) CallsTo(ctx context.Context) ([]CallsTo, error) {
	var rows []struct {
		Target  string `db:"target"`
		Waiting int    `db:"waiting"`
		Parked  int    `db:"parked"`
		Age     int64  `db:"age"`
	}
	if err := d.read(ctx, d.reader, "count calls", &rows, "SELECT target, SUM(at <> ?) AS waiting, SUM(at = ?) AS parked,"+
		" COALESCE("+d.dialect.now+" - MIN(CASE WHEN at <> ? THEN made END), 0) AS age"+
		" FROM escalation_calls GROUP BY target ORDER BY target", parkedAt, parkedAt, parkedAt); err != nil {
		return nil, err
	}
	all := make([]CallsTo, len(rows))
	for i, r := range rows {
		all[i] = CallsTo{Target: r.Target, Waiting: r.Waiting, Parked: r.Parked, Late: time.Duration(max(0, r.Age)) * time.Millisecond}
	}
	return all, nil
}

// ForgetCalls forgets some calls to a target that have been parked for ParkedLife.
func (d *DB) ForgetCalls(ctx context.Context, target string) error {
	return d.write(ctx, func(t *tx) error {
		_, err := forget[[]byte](t, "escalation_calls", "id", "target = ? AND at = ? AND made < ? ORDER BY made",
			target, parkedAt, t.meta.Now-ParkedLife.Milliseconds())
		return err
	})
}

// ParkedCall is a call that is not tried any more.
type ParkedCall struct {
	ID      CallID
	Target  string
	Channel event.Channel
	Made    time.Time
	Tries   int
	Error   string // of the last try
}

// ParkedCalls returns some calls that are not tried any more, a hundred at most.
func (d *DB) ParkedCalls(ctx context.Context) ([]ParkedCall, error) {
	var rows []struct {
		callRow

		Target string        `db:"target"`
		Name   event.Channel `db:"name"`
		Error  string        `db:"error"`
	}
	if err := d.read(ctx, d.reader, "read parked calls", &rows, "SELECT k.id, k.made, k.channel, k.tries, k.events, k.target, c.name, k.error"+
		" FROM escalation_calls k JOIN channels c ON c.hash = k.channel WHERE k.at = ? ORDER BY k.made, k.id LIMIT 100", parkedAt); err != nil {
		return nil, err
	}
	calls := make([]ParkedCall, len(rows))
	for i, r := range rows {
		calls[i] = ParkedCall{ID: CallID(r.ID), Target: r.Target, Channel: r.Name, Made: unixMilli(r.Made), Tries: r.Tries, Error: r.Error}
	}
	return calls, nil
}

// ReleaseCalls has parked calls to a target be tried again, for another day.
func (d *DB) ReleaseCalls(ctx context.Context, target string) (n int64, err error) {
	err = d.write(ctx, func(t *tx) error {
		n, err = t.execCount("UPDATE escalation_calls SET at = ?, made = ?, tries = 0 WHERE target = ? AND at = ?", t.meta.Now, t.meta.Now, target, parkedAt)
		return err
	})
	return n, err
}
