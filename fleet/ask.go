package fleet

import (
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// Answer is what one process answered.
type Answer[T any] struct {
	From Process
	Body T
}

// Answers is what came of a question. Its parts are sorted by role and name.
type Answers[T any] struct {
	Of []Answer[T]
	// Silent are the processes that are known and did not answer in time, or with
	// something else.
	Silent []Process
}

// Ask puts a question to all processes, this one too, and returns when all that are known
// have answered, or after Wait.
func Ask[T any](ctx context.Context, m *Member, about string, q Question) (all Answers[T]) {
	asked, _ := json.Marshal(q) //nolint:errchkjson // strings and a number can be encoded
	ctx, cancel := context.WithTimeout(ctx, Wait)
	defer cancel()
	silent := make(map[string]Process)
	for _, p := range m.Known() {
		silent[p.ID] = p
	}
	take := func(a message) {
		var body T
		if a.Error != "" || json.Unmarshal(a.Body, &body) != nil {
			silent[a.From.ID] = a.From
			return
		}
		delete(silent, a.From.ID)
		all.Of = append(all.Of, Answer[T]{a.From, body})
	}
	own := m.answer(ctx, message{About: about, Body: asked})
	own.From = m.cfg.Self
	take(own)
	m.others(ctx, about, asked, take, func() bool { return len(silent) > 0 })
	all.Silent = slices.SortedFunc(maps.Values(silent), compare)
	slices.SortFunc(all.Of, func(a, b Answer[T]) int { return compare(a.From, b.From) })
	return all
}

func compare(a, b Process) int {
	return cmp.Or(cmp.Compare(a.Role, b.Role), cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
}

// others puts the question on the bus and hands over answers until nobody is waited for,
// or ctx ends. A process that nobody has heard of yet is waited for if the bus counted it.
func (m *Member) others(ctx context.Context, about string, body json.RawMessage, take func(message), waiting func() bool) {
	answers := make(chan message, maxQueue)
	m.mu.Lock()
	m.last++
	number := m.last
	m.asked[number] = answers
	m.mu.Unlock()
	defer func() {
		m.mu.Lock()
		delete(m.asked, number)
		m.mu.Unlock()
	}()
	reached, err := m.send(ctx, questions, message{Kind: kindAsk, About: about, Number: number, Body: body})
	if err != nil {
		return // nobody heard it: all are silent
	}
	had := make(map[string]struct{})
	for waiting() || len(had)+1 < reached { // one is this process
		select {
		case a := <-answers:
			if _, twice := had[a.From.ID]; !twice {
				had[a.From.ID] = struct{}{}
				take(a)
			}
		case <-ctx.Done():
			return
		}
	}
}

// Uptime is for how long the process has run.
func (p Process) Uptime() time.Duration { return time.Since(p.Started) }
