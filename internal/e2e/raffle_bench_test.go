package e2e

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/testkit/loadgen"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

var raffleWindow = flag.Duration("raffle.window", 5*time.Second, "how long a benchmark of the raffle measures")

// BenchmarkRaffle measures a raffle of -raffle.streams streams on two gateways, at
// fifty changes a second merged to ten, and then a loop that writes the same
// blocks to as many sockets ten times a second and does nothing else. Of the
// arrivals those count that took longest: of the first value that each delivery
// makes up for.
func BenchmarkRaffle(b *testing.B) {
	var bellhop, raw measured
	b.Run("bellhop", func(b *testing.B) { bellhop = measureRaffle(b) })
	b.Run("raw loop", func(b *testing.B) { raw = measureRaw(b) })
	limit := period + 3*raw.p99/2
	b.Logf("%d watchers for %v: %.1f changes a second were accepted, %d values delivered, none out of order", *raffleStreams, bellhop.window, bellhop.changes, bellhop.delivered)
	b.Logf("a value arrives within %v (p99; half of them within %v); a period and 1.5 times the raw loop's %v are %v", bellhop.p99, bellhop.p50, raw.p99, limit)
	b.Logf("a delivery costs %v of processor time; the raw loop's costs %v", bellhop.cost, raw.cost)
}

// measured is the outcome of a benchmark.
type measured struct {
	window    time.Duration
	changes   float64 // accepted a second
	delivered int
	p50, p99  time.Duration // of arrivals
	cost      time.Duration // processor time for each delivery
}

func measureRaffle(b *testing.B) measured {
	b.Helper()
	s := newStage(b, testenv.Redis(b).URL())
	times := newArrivals(10 * updates * int(raffleWindow.Seconds()+1))
	all := subscribe(b, *raffleStreams, s.addrs(), times, raffle)
	w := s.begin(times)
	all.await(b, "following", func(s seen) bool { return s.values >= 5 })
	pids := []int{s.gateways[0].PID(), s.gateways[1].PID()}
	before := w.accepted.Load()
	m := all.measure(b, times, pids, *raffleWindow)
	m.changes = float64(w.accepted.Load()-before) / m.window.Seconds()
	w.finish(all)
	return m
}

func measureRaw(b *testing.B) measured {
	b.Helper()
	server := testenv.Run(b, testenv.Build(b, "./bench/fixture"), "BENCH_SERVER=raw")
	times := newArrivals(10 * int(*raffleWindow/period))
	all := subscribe(b, *raffleStreams, []string{strings.TrimPrefix(server.URL, "http://")}, times, raffle)
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(period)
		defer tick.Stop()
		for n := 1; ; n++ {
			select {
			case <-tick.C:
				sendRaw(b, server.URL, times, n)
			case <-stop:
				return
			}
		}
	}()
	b.Cleanup(func() { <-done })
	defer close(stop)
	all.await(b, "following", func(s seen) bool { return s.values >= 5 })
	// It does the same all the time: half of the window tells as much.
	return all.measure(b, times, []int{server.PID()}, *raffleWindow/2)
}

// sendRaw has the raw loop write what Bellhop would write for the n-th value.
func sendRaw(b *testing.B, url string, times *arrivals, n int) {
	b.Helper()
	now := time.Now()
	if n < len(times.sent) {
		times.sent[n].Store(now.UnixNano())
	}
	block := event.AppendFrame(nil, &event.Event{
		Channel: raffle, Seq: uint64(n), Type: "probability", Time: now, Data: fmt.Appendf(nil, `{"n":%d,"pad":""}`, n),
	})
	block = fmt.Appendf(block, "id: %d.0123456789@%s\n\n", n, raffle)
	resp, err := http.Post(url+"/send", "text/plain", bytes.NewReader(block))
	if err != nil {
		b.Error(err)
		return
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
}

// measure looks at a window of a crowd that is being served by processes.
func (all subscribers) measure(b *testing.B, times *arrivals, pids []int, window time.Duration) measured {
	b.Helper()
	times.forget()
	before, values, began := processorTime(b, pids), all.values(), time.Now()
	<-time.After(window)
	arrived := times.total()
	m := measured{
		window: time.Since(began).Round(time.Millisecond), delivered: all.values() - values,
		p50: arrived.Quantile(.5), p99: arrived.Quantile(.99),
	}
	require.Positive(b, m.delivered)
	m.cost = (processorTime(b, pids) - before) / time.Duration(m.delivered)
	b.ReportMetric(float64(m.p99.Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(m.p50.Microseconds())/1000, "median-ms")
	b.ReportMetric(float64(m.cost.Nanoseconds()), "cpu-ns/delivery")
	b.ReportMetric(float64(m.delivered)/m.window.Seconds(), "deliveries/s")
	return m
}

func (all subscribers) values() (sum int) {
	for _, f := range all {
		sum += f.now().values
	}
	return sum
}

func processorTime(b *testing.B, pids []int) (sum time.Duration) {
	b.Helper()
	for _, pid := range pids {
		u, err := loadgen.Sample(pid)
		require.NoError(b, err)
		sum += u.CPU()
	}
	return sum
}

// forget begins the measurement anew.
func (a *arrivals) forget() {
	for i := range a.shards {
		s := &a.shards[i]
		s.Lock()
		s.Histogram = loadgen.Histogram{}
		s.Unlock()
	}
}
