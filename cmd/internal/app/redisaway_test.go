package app

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/cmd/internal/config"
	"github.com/bellhop/bellhop/internal/probe"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// TestRedisStoppedIsToldTheSameEverywhere: while events are published and followed Redis
// ends. Within ten seconds the metrics, /readyz, the log, the console's stream, show fleet
// and the alert say so; events go on, and nobody is sent elsewhere. When it is back, all
// of them say that.
func TestRedisStoppedIsToldTheSameEverywhere(t *testing.T) {
	t.Parallel()
	const soon = 10 * time.Second
	cluster := testenv.MySQL(t, testenv.MariaDB())
	database := cluster.NewDatabase(t)
	redis := testenv.Redis(t)
	h := house{primary: cluster.Primary.DSN(database), replica: cluster.Replica.DSN(database), redis: redis.URL()}
	var said console
	logger := slog.New(slog.NewTextHandler(&said, nil))
	var cfg config.Gateway
	_, err := config.Parse(&cfg, nil, h.environ(), io.Discard)
	require.NoError(t, err)
	g, err := NewGateway(t.Context(), &cfg, logger)
	require.NoError(t, err)
	n, _ := h.notifier(t)
	run(t, g)
	require.Eventually(t, func() bool { return probe.Get(t.Context(), g.public.Addr().String(), "/readyz") == nil }, patience, tick)
	stream := openStream(t, g.URL(), "user:mina", "Authorization", "Bearer "+signed(t, "mina", time.Now()))
	stream.waitFor("event: bellhop.ready")
	sent := 0
	publish := func() {
		t.Helper()
		sent++
		code, answer := post(t, n.URL()+"/v1/events", fmt.Sprintf(`{"channels":["user:mina"],"type":"x","data":"number %d."}`, sent), "Authorization", "Bearer "+fleetKey)
		require.Equal(t, http.StatusCreated, code, answer)
	}
	ready := func(s *Service) string { return fetched(s.AdminURL() + "/readyz") }
	doubt := func() float64 { return figureOf(g, "bellhop_hub_bus_doubt_seconds") }
	require.Eventually(t, func() bool { return doubt() == 0 && ready(g) == `{"status":"ok"}`+"\n" && ready(n) == ready(g) }, patience, tick)
	publish()
	stream.waitFor("number 1.")
	require.InDelta(t, 1, figureOf(g, `bellhop_hub_followed_channels{namespace="user"}`), 0)

	// What the console was told last, and what show fleet prints of the same.
	page := openStreamAt(t, n.AdminURL()+"/console/live/v1/stream?inbox=false&channel=fleet:live", "Sec-Fetch-Site", "same-origin")
	fleet := func() (now, table string) {
		text := page.text()
		end := strings.LastIndex(text, "\nid: ")
		_, now, _ = strings.Cut(text[:max(end, 0)][max(strings.LastIndex(text[:max(end, 0)], "event: fleet"), 0):], `"data":`)
		var out console
		_ = printed(printFleet)(&out, []byte(strings.TrimSuffix(now, "}"))) // an error: nothing was told yet
		return now, out.String()
	}
	calm := func() bool {
		now, table := fleet()
		return strings.Count(now, `"redis":"good"`) == 2 && !strings.Contains(now, `"bus_in_doubt":true`) && strings.Count(table, "  good") == 4 // of two processes and their replica
	}
	require.Eventually(t, calm, patience, tick, "%s", &page.body)

	redis.Kill()
	stopped := time.Now()
	told := func() bool {
		now, table := fleet()
		return doubt() > 3 && strings.Contains(now, `"bus_in_doubt":true`) && strings.Contains(now, `"silent":["gateway `) && !strings.Contains(now, `"redis":"good"`) &&
			strings.Contains(table, "Redis in doubt") && strings.Contains(table, "Redis: ") && strings.Contains(table, "no answer from gateway ") &&
			strings.Contains(ready(g), `{"name":"bus","state":"degraded"`) &&
			strings.Contains(ready(g), `{"name":"redis","state":"degraded"`) && strings.Contains(ready(n), `{"name":"redis","state":"degraded"`) &&
			strings.Contains(said.String(), "connection to Redis lost") &&
			figureOf(n, "bellhop_notifier_publish_failures_total") > 0
	}
	for wait := time.NewTicker(100 * time.Millisecond); !told(); <-wait.C {
		require.Less(t, time.Since(stopped), soon, "%s %s %f", ready(g), ready(n), doubt())
		publish()
	}
	testenv.Alerts(t, "../../../docker/prometheus/alerts.yml", testenv.Alert{
		Series: map[string]string{`bellhop_hub_bus_doubt_seconds{instance="g"}`: strconv.FormatFloat(doubt(), 'f', 3, 64)},
		After:  "0m", Only: "BusInDoubt", Fires: []string{"BusInDoubt"},
	})
	stream.waitFor(fmt.Sprintf("number %d.", sent))
	require.Contains(t, fetched(g.URL()+"/readyz"), `{"status":"ok"}`, "nobody is sent elsewhere")

	redis.Start()
	require.Eventually(t, func() bool {
		return doubt() == 0 && calm() && ready(g) == `{"status":"ok"}`+"\n" && ready(n) == ready(g)
	}, patience, tick,
		"%s %s", ready(g), ready(n))
}

// fetched is the body of an answer of 200; empty: there is none. It is asked while the test
// waits, so it ends no test.
func fetched(url string) string {
	resp, err := http.Get(url)
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return ""
	}
	return string(body)
}

// figureOf is a metric without labels, as its program shows it; -1: it does not.
func figureOf(s *Service, name string) float64 {
	for line := range strings.Lines(fetched(s.AdminURL() + "/metrics")) {
		if text, found := strings.CutPrefix(line, name+" "); found {
			if value, err := strconv.ParseFloat(strings.TrimSpace(text), 64); err == nil {
				return value
			}
		}
	}
	return -1
}
