package workload

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/sse"
	"github.com/bellhop/bellhop/internal/wait"
)

// listener is one user's client.
type listener struct {
	run      *Run
	user     string
	inbox    event.Channel
	channels []event.Channel // its inbox and those that are shared
	client   sse.Client
	restless bool
	live     chan struct{} // closed with the first ready
	resumed  bool          // this connection began with an id
	ready    bool          // ... and had its ready, and has not ended
	at       event.Cursor
}

func (r *Run) newListener(i int) (*listener, error) {
	user := fmt.Sprintf("%s-%d", r.id[:6], i)
	inbox, err := event.Inbox(user)
	if err != nil {
		return nil, err
	}
	token, err := r.Token(user)
	if err != nil {
		return nil, err
	}
	l := &listener{run: r, user: user, inbox: inbox, channels: append([]event.Channel{inbox}, r.Shared...), live: make(chan struct{})}
	l.restless = float64(i) < r.Restless*float64(r.Users)
	l.client = sse.Client{HTTP: r.http, Token: token, Channels: r.Shared, Wait: r.Wait, OnBlock: l.take}
	return l, nil
}

// listen connects, and again whenever the stream ends, until ctx does.
func (l *listener) listen(ctx context.Context) {
	for ctx.Err() == nil {
		urls := l.run.Gateways()
		if len(urls) == 0 {
			wait.For(ctx, 50*time.Millisecond)
			continue
		}
		l.resumed = l.client.LastID != ""
		conn, cancel := context.WithCancel(ctx)
		if l.restless {
			d := 200*time.Millisecond + rand.N(4*l.run.Away)
			time.AfterFunc(d, cancel) // breaks the connection wherever it is
		}
		l.run.note(func(r *Report) { r.Connects++ })
		err := l.client.Connect(conn, urls[rand.IntN(len(urls))])
		left, was := conn.Err() != nil, l.ready
		l.run.note(func(*Report) { l.ready = false })
		cancel()
		if ctx.Err() != nil {
			return
		}
		pause := 20*time.Millisecond + rand.N(100*time.Millisecond)
		switch {
		case left:
			pause += rand.N(l.run.Away)
		case errors.Is(err, sse.ErrStatus), err != nil && !was && !l.resumed:
			l.run.note(func(r *Report) { r.Refused++; r.because(err) })
			pause += 200 * time.Millisecond
		case err != nil:
			l.run.note(func(r *Report) { r.Unclean++; r.because(err) })
		}
		wait.For(ctx, pause)
	}
}

// take records a block.
func (l *listener) take(b sse.Block) bool {
	received := time.Now()
	if b.ID != "" {
		at, err := event.ParseCursor(b.ID)
		if err != nil {
			l.run.note(func(r *Report) { r.Unclean++; r.because(err) })
			return false
		}
		l.run.mu.Lock()
		l.at = at
		l.run.mu.Unlock()
	}
	switch b.Event {
	case "bellhop.ready":
		l.run.note(func(*Report) { l.ready = true })
		for _, ch := range l.channels {
			if at, ok := l.at.Position(ch); ok {
				l.run.ledger.Begin(l.user, ch, at)
			}
		}
		select {
		case <-l.live:
		default:
			close(l.live)
		}
	case "bellhop.reset":
		var d struct {
			Channel event.Channel `json:"channel"`
		}
		if json.Unmarshal([]byte(b.Data), &d) != nil {
			return false
		}
		next, _ := l.at.Position(d.Channel)
		excused := l.run.Excused != nil && l.run.Excused(d.Channel)
		l.run.ledger.Reset(l.user, d.Channel, next, excused)
		l.run.note(func(r *Report) { r.Resets++ })
	case "bellhop.drain", "bellhop.ping", "bellhop.read":
	default:
		return l.event(b, received)
	}
	return true
}

func (l *listener) event(b sse.Block, received time.Time) bool {
	var d struct {
		Channel event.Channel `json:"channel"`
		Seq     uint64        `json:"seq"`
		Data    payload       `json:"data"`
	}
	if err := json.Unmarshal([]byte(b.Data), &d); err != nil || d.Channel == "" {
		l.run.note(func(r *Report) { r.Unclean++ })
		return false
	}
	at, _ := l.at.Position(d.Channel)
	if at.Seq != d.Seq { // shows up as an event that the log does not have
		d.Data.ID = fmt.Sprintf("seq %d under the id %s", d.Seq, b.ID)
	}
	l.run.ledger.Got(l.user, d.Channel, at, d.Data.ID)
	l.run.note(func(r *Report) {
		r.Received++
		switch {
		case l.ready:
			r.Live++
			r.Latencies = append(r.Latencies, Latency{At: received, D: received.Sub(time.UnixMicro(d.Data.Sent))})
		case l.resumed:
			r.Replayed++
		}
	})
	return true
}

// reached tells whether the client has come to these positions, and listens: one
// between two connections is still to come back.
func (l *listener) reached(ends map[event.Channel]event.Position) bool {
	l.run.mu.Lock()
	defer l.run.mu.Unlock()
	if !l.ready {
		return false
	}
	for _, ch := range l.channels {
		p, ok := l.at.Position(ch)
		if end := ends[ch]; !ok || p.Seq < end.Seq || (p.Epoch != end.Epoch && end.Seq > 0) {
			return false
		}
	}
	return true
}
