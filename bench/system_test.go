package bench

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/bellhop/bellhop/bench/report"
	"github.com/bellhop/bellhop/internal/testkit/loadgen"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// Settings of the benchmarks. The defaults only show that they work.
const (
	streamsVariable = "BELLHOP_BENCH_STREAMS" // for each server and kind of stream; default 200
	roundsVariable  = "BELLHOP_BENCH_ROUNDS"  // of all segments in turn; default 1
	idleVariable    = "BELLHOP_BENCH_SECONDS" // of idling and of targeted traffic; default 1
	spellVariable   = "BELLHOP_BENCH_SPELL"   // of each kind of posts, in seconds; default 1
	// reportVariable names the document to write the figures into, such as
	// docs/performance.md, and to a file of JSON beside it. Default: none.
	reportVariable = "BELLHOP_BENCH_REPORT"
)

// BenchmarkSystem tells what a delivery costs a server's process, for each kind
// of traffic, as a ratio to a loop that only writes.
func BenchmarkSystem(b *testing.B) {
	r := newTestbed(b, testenv.Setting(b, streamsVariable, 200))
	rounds := testenv.Setting(b, roundsVariable, 1)
	broadcasts, targeted := r.segments()
	segments := slices.Concat(broadcasts, targeted)
	for b.Loop() {
		// One after the other: every targeted event is a transaction of its own,
		// and what gateways do about those is no part of what a broadcast costs.
		for _, turns := range [][]*segment{broadcasts, targeted} {
			// A round that does not count: the first events of a process make room
			// that the next ones find.
			for round := range rounds + 1 {
				for _, s := range turns {
					progressf("round %d of %d: %s", round, rounds, s.name)
					s.run(r, round > 0)
				}
			}
		}
	}
	d := &report.Deliveries{Streams: r.streams, Rounds: rounds, Machine: machine(b), Memory: r.memory}
	for _, s := range segments {
		d.Kinds = append(d.Kinds, s.kind())
	}
	// Not to the benchmark's log, which is cut after some lines.
	fmt.Fprintf(os.Stdout, "\n%d streams each, medians of %d rounds\n%s\n", r.streams, rounds, table(d.Kinds))
	publish(b, func(f *report.Figures) { f.Deliveries = d })
}

// segments are what takes turns. Broadcasts are sent at a rate that a server can
// keep up with on one core.
func (r *testbed) segments() (broadcasts, targeted []*segment) {
	r.b.Helper()
	const sends = 10
	pause := max(time.Duration(r.streams)*20*time.Microsecond, 20*time.Millisecond)
	broadcast := func(topic string, burst int) func() {
		return func() {
			r.publish(loadgen.Traffic{
				Shared: []string{topic}, Burst: burst, Parallel: 1,
				Rate: float64(time.Second) / float64(pause), Duration: sends*pause + pause/2,
			})
		}
	}
	paced := func(send func()) func() {
		return func() {
			for range sends {
				send()
				<-time.After(pause)
			}
		}
	}
	const targets, rate = 4000, 2000
	r.renew(2)
	rawLoop, echo, topics, inboxes := r.fixture("raw"), r.fixture("textbook"), r.gateways[0], r.gateways[1]
	raw := r.hold("raw loop", rawLoop, false, "topic:bench")
	textbook := r.hold(report.Textbook, echo, false, "topic:bench")
	one := r.hold("gateway, one channel", topics, false, "topic:one")
	two := r.hold("gateway, inbox and topic", inboxes, true, "topic:two")
	floor := &segment{name: "raw loop", server: rawLoop, pool: raw, events: sends, send: paced(func() { r.sendRaw(rawLoop, "", 1) })}
	floorTargeted := &segment{name: "raw loop, one stream at a time", server: rawLoop, pool: raw, events: targets, targeted: true, send: func() {
		r.sendRaw(rawLoop, fmt.Sprintf("targets=%d&rate=%d", targets, rate), 1)
	}}
	broadcasts = []*segment{
		floor,
		{name: report.Textbook, server: echo, pool: textbook, events: sends, send: paced(func() { r.sendTextbook(1) }), floor: floor},
		{name: "gateway, one channel", server: topics, ours: true, pool: one, events: sends, send: broadcast("topic:one", 1), floor: floor},
		{name: "gateway, inbox and a topic", server: inboxes, ours: true, pool: two, events: sends, send: broadcast("topic:two", 1), floor: floor},
		{name: report.Textbook + ", bursts of 5", server: echo, pool: textbook, events: 5 * sends, send: paced(func() { r.sendTextbook(5) }), floor: floor},
		{name: "gateway, bursts of 5", server: topics, ours: true, pool: one, events: 5 * sends, send: broadcast("topic:one", 5), floor: floor},
	}
	targeted = []*segment{
		floorTargeted,
		{name: "gateway, each to its inbox", server: inboxes, ours: true, pool: two, events: targets, targeted: true, floor: floorTargeted, send: func() {
			r.publish(loadgen.Traffic{Inboxes: r.streams, Rate: rate, Duration: targets * time.Second / rate})
		}},
	}
	return broadcasts, targeted
}
