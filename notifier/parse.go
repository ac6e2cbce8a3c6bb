package notifier

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/server"
	"github.com/bellhop/bellhop/store"
)

// parser turns one event of a request into an entry of the log. It is made for
// one event and used once.
type parser struct {
	policies auth.Policies
	service  auth.Service
	maxData  int
	at       string // where the event stands, such as "body.events[3]"

	entry     store.Entry
	users     []string // whose inboxes the last of the entry's channels are
	fields    []server.FieldError
	forbidden string // a namespace that the key does not reach
	tooLarge  bool
}

// eventMembers are the members of an event, as EventBody describes them.
var eventMembers = []string{"channels", "users", "type", "data", "expires_at", "collapse_key", "renew", "critical"}

// event reads an event whose members were split already. The key of the header
// or of the item comes separately, empty if there is none. What it refuses, it
// refuses as a whole: a key that does not reach a namespace first, then data
// that is too large, then all broken rules together.
func (p *parser) event(m members, key string) (store.Entry, *server.Problem) {
	var unknown []string
	for i := range m {
		if !slices.Contains(eventMembers, m[i].name) {
			unknown = append(unknown, m[i].name)
		}
	}
	slices.Sort(unknown)
	for _, name := range unknown {
		p.refuse("."+name, "there is no such member")
	}
	p.recipients(m.get("channels"), m.get("users"))
	p.eventType(m.get("type"))
	p.data(m.get("data"))
	if v := m.get("expires_at"); v != nil && !isNull(v) {
		p.expiresAt(v, key != "")
	}
	if v := m.get("collapse_key"); v != nil && !isNull(v) {
		p.collapseKey(v)
	}
	p.entry.Renew = p.flag(m, "renew")
	if v := m.get("collapse_key"); p.entry.Renew && (v == nil || isNull(v)) {
		p.refuse(".renew", "it needs a collapse_key, which says what is renewed")
	}
	p.entry.Critical = p.flag(m, "critical")
	switch {
	case p.forbidden != "":
		return store.Entry{}, server.NewProblem(http.StatusForbidden,
			fmt.Sprintf("this key may not publish in the namespace %q", p.forbidden))
	case p.tooLarge:
		return store.Entry{}, server.NewProblem(http.StatusRequestEntityTooLarge, "the data is too large").With("limit", p.maxData)
	case len(p.fields) > 0:
		return store.Entry{}, brokenRules(p.fields)
	}
	p.entry.Escalate = escalations(p.policies, p.entry.Type)
	if key != "" {
		p.entry.Key = &store.Key{Service: p.service.Name, Value: key, Body: fingerprint(&p.entry)}
	}
	return p.entry, nil
}

// job makes a job of an entry that event returned.
func (p *parser) job(ctx context.Context, entry store.Entry, online bool) *job {
	j := newJob(p.service.Name, entry, online)
	j.users, j.requestID = p.users, server.RequestID(ctx)
	return j
}

func (p *parser) refuse(member, detail string) {
	if len(p.fields) < maxFieldErrors {
		p.fields = append(p.fields, server.FieldError{Location: p.at + member, Detail: detail})
	}
}

func (p *parser) eventType(value json.RawMessage) {
	s, ok := decodeString(value)
	if !ok {
		p.refuse(".type", "want a string")
		return
	}
	if err := event.ParseType(s); err != nil {
		p.refuse(".type", err.Error())
		return
	}
	p.entry.Type = s
}

func (p *parser) data(value json.RawMessage) {
	if value == nil {
		p.refuse(".data", "it is missing; null is a value, nothing is none")
		return
	}
	data, err := event.ParseData(value)
	if err != nil {
		p.refuse(".data", err.Error())
		return
	}
	p.tooLarge = len(data) > p.maxData
	p.entry.Data = data
}

// expiresAt reads a time of RFC 3339 and cuts it to the log's milliseconds. One
// that is past is a mistake, but not if the event has an idempotency key: its
// first try may have been written in time, and the repetition is to hear so. If
// it was not, the event has its seq and is seen by nobody.
func (p *parser) expiresAt(value json.RawMessage, repeatable bool) {
	s, ok := decodeString(value)
	t, err := time.Parse(time.RFC3339, s)
	if !ok || err != nil || t.Year() < 1970 || t.Year() > 9998 {
		p.refuse(".expires_at", "want a time as RFC 3339 writes it, from 1970 to 9998")
		return
	}
	if !repeatable && !t.After(time.Now()) {
		p.refuse(".expires_at", "it is past")
		return
	}
	p.entry.ExpiresAt = t.UTC().Truncate(time.Millisecond)
}

func (p *parser) collapseKey(value json.RawMessage) {
	s, ok := decodeString(value)
	if !ok || len(s) > MaxCollapseKey || !printable(s) {
		p.refuse(".collapse_key", fmt.Sprintf("want 1 to %d printable ASCII characters", MaxCollapseKey))
		return
	}
	p.entry.CollapseKey = s
}

// flag reads a member that is true or false; left out, or null, it is false.
func (p *parser) flag(m members, name string) bool {
	switch v := m.get(name); {
	case v == nil, isNull(v), string(v) == "false":
		return false
	case string(v) == "true":
		return true
	default:
		p.refuse("."+name, "want true or false")
		return false
	}
}

// validKey tells whether s can be an idempotency key.
func validKey(s string) bool {
	return len(s) <= MaxIdempotencyKey && printable(s)
}

// printable tells whether s is printable ASCII, and not empty.
func printable(s string) bool {
	if s == "" {
		return false
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

var errIdempotencyKey = errors.New("an idempotency key is 1 to " + strconv.Itoa(MaxIdempotencyKey) + " printable ASCII characters")

// fingerprint is a hash of what a request asks for, not of how it is spelled: a
// publisher that repeats itself may have serialised anew. Every part is preceded
// by its length, so that no two requests run into the same text.
func fingerprint(e *store.Entry) [sha256.Size]byte {
	h := sha256.New()
	part := func(b []byte) {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(b)))
		h.Write(n[:])
		h.Write(b)
	}
	part([]byte(e.Type))
	part(e.Data)
	part([]byte(e.CollapseKey))
	if e.ExpiresAt.IsZero() {
		part(nil)
	} else {
		part([]byte(e.ExpiresAt.Format(time.RFC3339Nano)))
	}
	for _, ch := range e.Channels {
		part([]byte(ch))
	}
	if e.Renew { // else nothing: keys of requests from before are remembered
		part([]byte("renew")) // no channel has that name
	}
	if e.Critical {
		part([]byte("critical"))
	}
	return [sha256.Size]byte(h.Sum(nil))
}
