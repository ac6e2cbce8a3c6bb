package notifier

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/store"
)

// recipients reads to whom an event goes: channels, then the inboxes of users, each
// of them once, at most store.MaxChannels in all.
func (p *parser) recipients(channels, users json.RawMessage) {
	names, err := decodeArray(channels, store.MaxChannels)
	people, err2 := decodeArray(users, store.MaxChannels)
	n := len(names) + len(people)
	switch {
	case users == nil && (err != nil || n == 0 || n > store.MaxChannels):
		p.refuse(".channels", fmt.Sprintf("want 1 to %d channels", store.MaxChannels))
		return
	case channels != nil && err != nil:
		p.refuse(".channels", "want a list of channels")
		return
	case users != nil && err2 != nil || n == 0 || n > store.MaxChannels:
		p.refuse(".users", fmt.Sprintf("want a list of subjects; channels and users are 1 to %d together", store.MaxChannels))
		return
	}
	to := recipients{parser: p, channels: make([]event.Channel, 0, n)}
	if n > 1 {
		to.seen = make(map[event.Channel]struct{}, n)
	}
	for i, name := range names {
		to.add(".channels", i, name, event.ParseChannel)
	}
	for i, name := range people {
		if subject, ok := to.add(".users", i, name, event.Inbox); ok {
			p.users = append(p.users, subject)
		}
	}
	switch {
	case to.redisKept > 0 && to.redisKept < len(to.channels):
		p.refuse(".channels", "kinds of logs must not be mixed in one event")
	case to.redisKept > 1:
		p.refuse(".channels", "an event to a Redis-kept channel names exactly one channel")
	}
	p.entry.Channels = to.channels
}

// recipients are the channels of one event, as they are read.
type recipients struct {
	*parser

	channels  []event.Channel
	seen      map[event.Channel]struct{} // nil: there is only one
	redisKept int
}

// add reads one of them; ok is false if it is refused. Once a namespace is found that
// the key does not reach, nothing else is said.
func (r *recipients) add(list string, i int, value json.RawMessage, parse func(string) (event.Channel, error)) (name string, ok bool) {
	if r.forbidden != "" {
		return "", false
	}
	refuse := func(detail string) (string, bool) {
		r.refuse(list+"["+strconv.Itoa(i)+"]", detail)
		return "", false
	}
	name, ok = decodeString(value)
	if !ok {
		return refuse("want a string")
	}
	ch, err := parse(name)
	if err != nil {
		return refuse(err.Error())
	}
	if _, twice := r.seen[ch]; twice {
		return refuse(fmt.Sprintf("channel %s is named twice", ch))
	}
	if r.seen != nil {
		r.seen[ch] = struct{}{}
	}
	policy, known := r.policies.Lookup(ch.Namespace())
	switch {
	case !r.service.MayPublish(ch.Namespace()):
		r.forbidden = ch.Namespace()
		return "", false
	case !known:
		return refuse(fmt.Sprintf("there is no namespace %q", ch.Namespace()))
	case policy.Log == auth.LogRedis:
		r.redisKept++
	}
	r.channels = append(r.channels, ch)
	return name, true
}
