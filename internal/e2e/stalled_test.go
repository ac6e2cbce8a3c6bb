package e2e

import (
	"context"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/sse"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

// TestStalledClientsCostLittle: a thousand clients that read nothing, under a
// load of which one of them alone would hold 24 MB if it were queued for it.
// Another client gets all of it meanwhile, and those who read again are served
// from the log or were dropped.
func TestStalledClientsCostLittle(t *testing.T) {
	const stalled, events, size = 1000, 1500, 16 << 10
	f := newFleet(t, testenv.MySQL(t, testenv.MariaDB()), 0)
	g := f.gatewayProcess(t, testenv.DatabaseTopics(t), "BELLHOP_SLOW_TIMEOUT=5s")
	const flood = event.Channel("topic:flood")
	addr := strings.TrimPrefix(g.URL, "http://")
	small := net.Dialer{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(fd uintptr) { _ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096) })
	}}
	open := make([]net.Conn, 0, stalled)
	t.Cleanup(func() {
		for _, c := range open {
			_ = c.Close()
		}
	})
	for range stalled {
		c, err := small.Dial("tcp", addr)
		require.NoError(t, err)
		open = append(open, c)
		_, err = fmt.Fprintf(c, "GET /v1/stream?channel=%s HTTP/1.1\r\nHost: x\r\n\r\n", flood)
		require.NoError(t, err)
	}

	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	live, done := make(chan struct{}), make(chan error, 1)
	next := 1
	reader := sse.Client{Channels: []event.Channel{flood}, OnBlock: func(b sse.Block) bool {
		switch {
		case b.Event == "bellhop.ready":
			close(live)
		case strings.Contains(b.Data, fmt.Sprintf(`"seq":%d,`, next)):
			next++
		}
		return next <= events
	}}
	go func() { done <- reader.Connect(ctx, g.URL) }()
	<-live

	before := rss(t, g.PID())
	pad := strings.Repeat("x", size)
	for sent := 0; sent < events; sent += 50 {
		var items []string
		for range 50 {
			items = append(items, fmt.Sprintf(`{"channels":[%q],"type":"note","data":%q}`, flood, pad))
		}
		f.postTo(t, "/v1/events/batch", `{"events":[`+strings.Join(items, ",")+`]}`)
	}
	require.NoError(t, <-done)
	require.Equal(t, events+1, next, "the client that reads got everything, in order")
	grown := rss(t, g.PID()) - before
	t.Logf("%d MB before, %d MB more under load", before>>20, grown>>20)
	require.Less(t, grown, stalled*(256<<10))

	// Those who took nothing for the whole time are dropped.
	ends := func() float64 { return g.Metrics(t)[`bellhop_streams_ended_total{reason="slow"}`] }
	require.Eventually(t, func() bool { return ends() >= stalled }, 30*time.Second, 200*time.Millisecond)
}

// rss is the memory of a process, in bytes (proc(5), /proc/pid/statm).
func rss(tb testing.TB, pid int) int {
	tb.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	require.NoError(tb, err)
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	require.NoError(tb, err)
	return pages * os.Getpagesize()
}
