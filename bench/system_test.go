package bench

import (
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/loadgen"
)

// Settings of the benchmarks. The defaults only show that they work.
const (
	streamsVariable = "BELLHOP_BENCH_STREAMS" // for each server and kind of stream; default 200
	roundsVariable  = "BELLHOP_BENCH_ROUNDS"  // of all segments in turn; default 1
	idleVariable    = "BELLHOP_BENCH_SECONDS" // of idling and of targeted traffic; default 1
)

func setting(b *testing.B, name string, otherwise int) int {
	b.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	require.NoError(b, err, name)
	return n
}

// BenchmarkSystem tells what a delivery costs a server's process, for each kind
// of traffic, as a ratio to a loop that only writes.
func BenchmarkSystem(b *testing.B) {
	r := newRig(b, setting(b, streamsVariable, 200))
	rounds := setting(b, roundsVariable, 1)
	segments := r.segments()
	for b.Loop() {
		for range rounds {
			for _, s := range segments {
				s.run(r)
			}
		}
	}
	// Not to the benchmark's log, which is cut after some lines.
	fmt.Fprintf(os.Stdout, "\n%d streams each, medians of %d rounds\n%s\n", r.streams, rounds, table(segments))
}

// segments are what takes turns. Broadcasts are sent at a rate that a server can
// keep up with on one core.
func (r *rig) segments() []*segment {
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
	const targets, rate = 2000, 2000
	raw := r.hold(r.raw, false, "topic:bench")
	textbook := r.hold(r.textbook, false, "topic:bench")
	one := r.hold(r.gateway, false, "topic:one")
	two := r.hold(r.gateway, true, "topic:two")
	floor := &segment{name: "raw loop", server: r.raw, crew: raw, events: sends, send: paced(func() { r.sendRaw("", 1) })}
	floorTargeted := &segment{name: "raw loop, targeted", server: r.raw, crew: raw, events: targets, targeted: true, send: func() {
		r.sendRaw(fmt.Sprintf("targets=%d&rate=%d", targets, rate), 1)
	}}
	return []*segment{
		floor,
		{name: "textbook handler", server: r.textbook, crew: textbook, events: sends, send: paced(func() { r.sendTextbook(1) }), floor: floor},
		{name: "textbook handler, bursts of 5", server: r.textbook, crew: textbook, events: 5 * sends, send: paced(func() { r.sendTextbook(5) }), floor: floor},
		{name: "gateway, one channel", server: r.gateway, crew: one, events: sends, send: broadcast("topic:one", 1), floor: floor},
		{name: "gateway, one channel, bursts of 5", server: r.gateway, crew: one, events: 5 * sends, send: broadcast("topic:one", 5), floor: floor},
		{name: "gateway, inbox and topic", server: r.gateway, crew: two, events: sends, send: broadcast("topic:two", 1), floor: floor},
		floorTargeted,
		{name: "gateway, targeted", server: r.gateway, crew: two, events: targets, targeted: true, floor: floorTargeted, send: func() {
			r.publish(loadgen.Traffic{Inboxes: r.streams, Rate: rate, Duration: targets * time.Second / rate})
		}},
	}
}

// BenchmarkStreams holds streams of one inbox each on a gateway, and tells what
// they cost: opening, idle, at 2000 targeted events a second, and in a storm of
// reconnects.
func BenchmarkStreams(b *testing.B) {
	r := newRig(b, setting(b, streamsVariable, 200))
	self, err := os.Executable()
	require.NoError(b, err)
	idle := time.Duration(setting(b, idleVariable, 1)) * time.Second
	before := r.metric("go_goroutines")
	goroutines := 0.0
	for b.Loop() {
		result, err := loadgen.Run(b.Context(), loadgen.Plan{
			Population: loadgen.Population{Gateways: []string{r.gateway.URL}, Inbox: true, Secret: secret, Sources: r.streams/5000 + 1},
			Streams:    r.streams, Processes: 1, Idle: idle, Storms: 1,
			Traffic: loadgen.Traffic{
				Notifiers: []string{r.notifier.URL}, Key: serviceKey, Rate: 2000, Duration: idle, Size: dataSize,
			},
			PIDs:    map[string]int{"gateway": r.gateway.PID(), "notifier": r.notifier.PID()},
			Collect: []string{r.gateway.AdminURL, r.notifier.AdminURL},
			Worker:  []string{self, "worker"},
			Sampled: func(phase string) {
				if phase == "idle" {
					goroutines = r.metric("go_goroutines") - before
				}
			},
		})
		require.NoError(b, err)
		require.True(b, result.Sound(), "%+v", result.Final.Counts)
		fmt.Fprintln(os.Stdout)
		result.Summary(os.Stdout)
	}
	fmt.Fprintf(os.Stdout, "goroutines for %d streams: %.0f\n", r.streams, goroutines)
}
