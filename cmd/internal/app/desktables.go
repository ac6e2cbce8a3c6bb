package app

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/bellhop/bellhop/fleet"
	"github.com/bellhop/bellhop/notifier"
)

// printed decodes an answer and prints it.
func printed[T any](printAnswer func(io.Writer, *T)) func(io.Writer, []byte) error {
	return func(out io.Writer, body []byte) error {
		answer := new(T)
		if err := json.Unmarshal(body, answer); err != nil {
			return err
		}
		all := bufio.NewWriter(out) // remembers what went wrong
		printAnswer(all, answer)
		return all.Flush()
	}
}

// table prints rows in columns.
type table struct{ *tabwriter.Writer }

func newTable(out io.Writer, head ...any) table {
	t := table{tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)}
	t.row(head...)
	return t
}

// row adds a row. Who prints it flushes the table.
func (t table) row(cells ...any) {
	text := make([]string, len(cells))
	for i, c := range cells {
		// No control character of a stranger, such as of a User-Agent, reaches a terminal.
		text[i] = strings.Map(func(r rune) rune {
			if r < ' ' || r == 0x7f || 0x80 <= r && r < 0xa0 {
				return '?'
			}
			return r
		}, fmt.Sprint(c))
	}
	fmt.Fprintln(t, strings.Join(text, "\t"))
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

func clock(at time.Time) string { return at.UTC().Format("15:04:05.000Z") }

// silence says who did not answer.
func silence(out io.Writer, silent []string) {
	for _, name := range silent {
		newTable(out, "no answer from "+name).Flush()
	}
}

func printFleet(out io.Writer, f *notifier.ShownFleet) {
	t := newTable(out, "PROCESS", "ROLE", "VERSION", "UP", "STREAMS", "CHANNELS", "HANDED", "LATE P50/P99", "ACCEPTED", "QUEUE", "HEAP", "STATE")
	for _, p := range f.Processes {
		state, late := "good", ""
		if l := p.Load.Late; l != nil {
			late = fmt.Sprintf("%.2f/%.2f ms", l.P50, l.P99)
		}
		switch {
		case p.Load.Draining:
			state = "drains"
		case p.Load.BusInDoubt:
			state = "Redis in doubt"
		}
		t.row(p.Name, p.Role, p.Version, time.Duration(p.Uptime)*time.Second, p.Load.Streams, p.Load.Channels, p.Load.Handed, late,
			p.Load.Accepted, p.Load.Queue, fmt.Sprintf("%d MiB", p.Load.HeapBytes>>20), state)
	}
	silence(out, f.Silent)
	t.Flush()
	t = table{tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)}
	for i, p := range f.Processes {
		if redis := p.Load.Redis; redis != "" && redis != fleet.RedisGood {
			newTable(out, "Redis: "+redis+", says "+p.Name).Flush()
		}
		if i == 0 && len(p.Load.Replicas) > 0 {
			t.row("REPLICA", "SEEN BY", "BEHIND", "STATE")
		}
		for _, r := range p.Load.Replicas {
			behind, state := "not known", "good"
			if r.Lag != nil {
				behind = fmt.Sprintf("%.1f s", *r.Lag)
			}
			if r.PassedOver {
				state = "passed over: " + r.Why
			}
			t.row(r.Server, p.Name, behind, state)
		}
	}
	t.Flush()
}

// printStreams prints streams that are open, then those that have ended.
func printStreams(out io.Writer, streams ...notifier.HeldStream) {
	if len(streams) == 0 {
		fmt.Fprintln(out, "no streams")
		return
	}
	t := newTable(out, "STREAM", "GATEWAY", "SINCE", "ADDRESS", "BY", "AT", "AGENT")
	for _, s := range streams {
		state := "open"
		if s.Ended != nil {
			state = "ended " + clock(*s.Ended) + " (" + s.Reason + ")"
		}
		var at []string
		for _, p := range s.Places {
			place := fmt.Sprintf("%s %d", p.Channel, p.Seq)
			if p.Lag > 0 {
				place += fmt.Sprintf(" (%d behind)", p.Lag)
			}
			at = append(at, place)
		}
		if s.Ended == nil && at == nil {
			at = []string{"it takes no bytes"}
		}
		t.row(state, s.Gateway, clock(s.Since), s.Address, s.Transport, strings.Join(at, ", "), s.Agent)
	}
	t.Flush()
}

func printUser(out io.Writer, u *notifier.ShownUser) {
	t := newTable(out, "subject", u.Subject)
	t.row("inbox", u.Channel)
	t.row("unread", fmt.Sprintf("%d of %d; read up to %d", u.Unread, u.Head, u.ReadUpTo))
	if len(u.Muted) > 0 {
		t.row("muted", strings.Join(u.Muted, " "))
	}
	if u.Revocation != nil {
		t.row("locked out", "tokens issued up to "+u.Revocation.Until.Format(time.RFC3339)+" are refused")
	}
	t.Flush()
	silence(out, u.Silent)
	printStreams(out, append(u.Streams, u.Ended...)...)
}

// namedPolicy is a channel whose policy is printed with the names of its members.
type namedPolicy struct {
	notifier.ShownChannel

	Policy map[string]any `json:"policy"`
}

func printChannel(out io.Writer, c *namedPolicy) {
	t := newTable(out, "channel", c.Channel)
	t.row("events", fmt.Sprintf("%d to %d, epoch %s", c.Floor+1, c.Head, c.Epoch))
	t.row("policy", fmt.Sprint(c.Policy))
	for _, h := range c.Held {
		t.row("listeners", fmt.Sprintf("%d at %s, which is at %d", h.Listeners, h.Gateway, h.Head))
	}
	t.Flush()
	silence(out, c.Silent)
	t = newTable(out, "SEQ", "TIME", "TYPE", "DATA")
	for _, e := range c.Events {
		t.row(e.Seq, e.Time.UTC().Format(time.RFC3339), e.Type, string(e.Data))
	}
	t.Flush()
}

func printStory(out io.Writer, s *notifier.ShownStory) {
	t := newTable(out, fmt.Sprintf("%s %d: %s", s.Channel, s.Seq, strings.ReplaceAll(string(s.Outcome), "_", " ")))
	t.row(s.Why)
	if s.Event != nil && s.Event.Data != nil {
		t.row(string(s.Event.Data))
	}
	t.Flush()
	silence(out, s.Silent)
	type step struct {
		at          time.Time
		what, where string
	}
	var steps []step
	for _, a := range s.Accepted {
		steps = append(steps, step{a.Accepted.Accepted, "accepted from " + a.Service + ", request " + a.RequestID, a.Notifier},
			step{a.Committed, "committed", a.Notifier})
		if a.Announced != nil {
			steps = append(steps, step{*a.Announced, "announced on the bus", a.Notifier})
		}
	}
	for _, h := range s.Handed {
		steps = append(steps, step{h.Came, "came by " + h.Via, h.Gateway})
		if h.First != nil {
			steps = append(steps, step{*h.First, fmt.Sprintf("handed to the first of %d streams", h.Streams), h.Gateway})
		}
	}
	for _, r := range s.Reads {
		steps = append(steps, step{r.At, "marked as read from " + r.Address, r.Gateway})
	}
	slices.SortStableFunc(steps, func(a, b step) int { return a.at.Compare(b.at) })
	t = newTable(out, "TIME", "WHAT", "WHERE")
	for _, v := range steps {
		t.row(clock(v.at), v.what, v.where)
	}
	t.Flush()
	printStreams(out, append(s.Streams, s.Ended...)...)
}
