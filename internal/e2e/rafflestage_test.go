package e2e

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

const (
	raffle = event.Channel("raffle:1")
	news   = event.Channel("news:1")

	rafflePolicy = "  raffle: {access: public, log: redis, conflate: true, join: latest, max_rate: 10, retention: {max_age: 1h, max_count: 100}}"
	newsPolicy   = "  news: {access: public, log: database}"
	// updates is how many times a second the raffle changes, and period how long
	// a change may be merged with later ones.
	updates = 50
	period  = time.Second / 10
)

// stage is two gateways and a notifier, each a process of its own, on a real
// database and a Redis of the test's own.
type stage struct {
	t        testing.TB
	gateways []*testenv.Program
	notifier *testenv.Program
	client   *http.Client
	pad      string // stands in every value of the raffle
}

func newStage(tb testing.TB, redisURL string) *stage {
	tb.Helper()
	cluster := testenv.MySQL(tb, testenv.MariaDB())
	env := []string{
		"BELLHOP_MYSQL_PRIMARY=" + cluster.Primary.DSN(cluster.NewDatabase(tb)),
		"BELLHOP_REDIS=" + redisURL, testenv.Policies(tb, rafflePolicy, newsPolicy), "BELLHOP_LOG_LEVEL=warn",
	}
	s := &stage{t: tb, client: &http.Client{Timeout: 3 * time.Second}}
	tb.Cleanup(s.client.CloseIdleConnections)
	s.notifier = testenv.Run(tb, testenv.Build(tb, "./cmd/notifier"), append(env, "BELLHOP_SERVICE_KEYS=e2e="+serviceKey)...)
	for range 2 {
		s.gateways = append(s.gateways, testenv.Run(tb, testenv.Build(tb, "./cmd/gateway"), append(env,
			"BELLHOP_JWT_SECRET="+signingKey, "BELLHOP_MAX_STREAMS_PER_ADDRESS=0", "BELLHOP_MAX_RATE_PER_ADDRESS=0")...))
	}
	return s
}

func (s *stage) addrs() (out []string) {
	for _, g := range s.gateways {
		out = append(out, strings.TrimPrefix(g.URL, "http://"))
	}
	return out
}

// memory is what both gateways have resident, in bytes.
func (s *stage) memory() (sum int) {
	for _, g := range s.gateways {
		sum += rss(s.t, g.PID())
	}
	return sum
}

// event is one to publish.
func (s *stage) event(ch event.Channel, typ string, n int) string {
	return fmt.Sprintf(`{"channels":[%q],"type":%q,"data":{"n":%d,"pad":%q}}`, ch, typ, n, s.pad)
}

// post publishes, and tells whether that succeeded.
func (s *stage) post(ctx context.Context, path, body, key string) (answer string, ok bool) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.notifier.URL+path, strings.NewReader(body))
	if err != nil {
		return "", false
	}
	req.Header.Set("Authorization", "Bearer "+serviceKey)
	req.Header.Set("Content-Type", "application/json")
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return "", false
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return string(text), err == nil && resp.StatusCode < 300
}

// show publishes to the raffle and to the news until it is ended.
type show struct {
	stage *stage
	times *arrivals
	stop  context.CancelFunc
	done  sync.WaitGroup
	// value and report are the newest numbers published, accepted those of the
	// raffle that were accepted.
	value, report, accepted atomic.Int64
}

// atOnce is how many values one request publishes at most.
const atOnce = 100

// winners: every so many values one is a winner.
const winners = 100

// begin begins a show.
func (s *stage) begin(times *arrivals) *show {
	ctx, cancel := context.WithCancel(context.Background())
	w := &show{stage: s, times: times, stop: cancel}
	s.t.Cleanup(w.end)
	w.done.Go(func() {
		tick := time.NewTicker(time.Second / updates)
		defer tick.Stop()
		for began, sent := time.Now(), 0; ; {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
			// On a machine that is full an answer takes longer than a tick: what
			// came due meanwhile goes out together. What was due while nothing
			// was accepted is not made up for.
			due := int(time.Since(began) * updates / time.Second)
			if n := min(due-sent, atOnce); n > 0 && w.publish(n) {
				sent += n
			} else {
				sent = due
			}
		}
	})
	w.done.Go(func() {
		for ctx.Err() == nil {
			n := int(w.report.Add(1))
			// Accepted once it is, however often it has to be sent.
			for {
				if _, ok := s.post(context.Background(), "/v1/events", s.event(news, "news", n), fmt.Sprintf("news-%d", n)); ok {
					break
				}
				<-time.After(50 * time.Millisecond)
			}
			<-time.After(100 * time.Millisecond)
		}
	})
	return w
}

// most is how many values a subscriber gets in a time at most: one for each period, at
// its beginning and its end, and besides all winners there ever were.
func (w *show) most(d time.Duration) int {
	return int(d/period) + 2 + int(w.value.Load()/winners)
}

// publish publishes the next n values; what it began is settled when it returns.
func (w *show) publish(n int) bool {
	last := int(w.value.Add(int64(n)))
	events := make([]string, 0, n)
	for v := last - n + 1; v <= last; v++ {
		typ := "probability"
		if v%winners == 0 {
			typ = "winner"
		}
		if w.times != nil && v < len(w.times.sent) {
			w.times.sent[v].Store(time.Now().UnixNano())
		}
		events = append(events, w.stage.event(raffle, typ, v))
	}
	answer, ok := w.stage.post(context.Background(), "/v1/events/batch", `{"events":[`+strings.Join(events, ",")+`]}`, "")
	if !ok || strings.Count(answer, `"status":201`) != n {
		return false
	}
	w.accepted.Store(int64(last))
	return true
}

// end stops publishing, and returns once what was under way is settled.
func (w *show) end() {
	w.stop()
	w.done.Wait()
}

// finish ends the show with a last value, which everybody has to get, as they have
// to get all of the news.
func (w *show) finish(all subscribers) {
	t := w.stage.t
	w.end()
	require.Eventually(t, func() bool { return w.publish(1) }, patience, 50*time.Millisecond)
	last, reports := int(w.accepted.Load()), int(w.report.Load())
	all.await(t, "at the newest value", func(s seen) bool { return s.last == last })
	if len(all) > 0 && len(all[0].channels) > 1 {
		all.await(t, "at the last news", func(s seen) bool { return s.news == reports })
	}
	all.check(t)
}
