// Package proxytest runs gateways behind reverse proxies of other people's, with the
// configuration that stands in docs/proxies.md.
package proxytest

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/client"
	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/sse"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

const (
	patience   = 60 * time.Second
	signingKey = "0123456789abcdef0123456789abcdef"
	serviceKey = "service-key-0123456789"
	news       = event.Channel("room:news")
)

var (
	streams = flag.Int("proxies.streams", 100, "clients behind each proxy")
	rate    = flag.Int("proxies.rate", 50, "events a second during a rolling restart, at most")
)

func TestMain(m *testing.M) { testenv.Main(m) }

// documented is the block of docs/proxies.md in a language, for this listener and
// these two gateways, with what is in seconds there made short.
func documented(t *testing.T, language, listen string, gateways [2]string) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/proxies.md")
	require.NoError(t, err)
	m := regexp.MustCompile("(?s)```" + language + "\n(.*?)```").FindSubmatch(page)
	require.NotNil(t, m, language)
	_, port, _ := strings.Cut(listen, ":")
	return strings.NewReplacer("10.0.0.11:8080", gateways[0], "10.0.0.12:8080", gateways[1],
		"bind :80", "bind "+listen, ":80 {", "http://127.0.0.1:"+port+" {",
		"timeout client 60s", "timeout client 3s", "timeout server 60s", "timeout server 3s").Replace(string(m[1]))
}

// fleet is two gateways with one log, and a notifier.
type fleet struct {
	gateways [2]*testenv.Program
	client   *client.Client
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	cluster, redis := testenv.MySQL(t, testenv.MariaDB()), testenv.Redis(t)
	policies := filepath.Join(t.TempDir(), "policies.yaml")
	require.NoError(t, os.WriteFile(policies, []byte("namespaces: {room: {access: public, log: database}}\n"), 0o600))
	database := cluster.NewDatabase(t)
	storage := []string{
		"BELLHOP_MYSQL_PRIMARY=" + cluster.Primary.DSN(database), "BELLHOP_REDIS=" + redis.URL(), "BELLHOP_POLICIES=" + policies,
	}
	notifier := testenv.Run(t, testenv.Build(t, "./cmd/notifier"), append(storage, "BELLHOP_SERVICE_KEYS=test="+serviceKey)...)
	f := new(fleet)
	for i := range f.gateways {
		f.gateways[i] = testenv.Run(t, testenv.Build(t, "./cmd/gateway"), append(storage,
			"BELLHOP_JWT_SECRET="+signingKey, "BELLHOP_HEARTBEAT=1s", "BELLHOP_DRAIN=1s", "BELLHOP_DRAIN_DELAY=4s", "BELLHOP_TRUSTED_PROXIES=127.0.0.1")...)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	c, err := client.New(client.Config{URL: notifier.URL, Key: serviceKey, HTTPClient: &http.Client{Transport: transport}})
	require.NoError(t, err)
	f.client = c
	return f
}

func (f *fleet) addresses() (all [2]string) {
	for i, g := range f.gateways {
		all[i] = strings.TrimPrefix(g.URL, "http://")
	}
	return all
}

func (f *fleet) publish(ctx context.Context, n int) error {
	_, err := f.client.Publish(ctx, client.Event{Channels: []string{string(news)}, Type: "note", Data: n})
	return err
}

// listener is a client as a browser's EventSource is one: any status but 200 ends it
// for good, and after any other end it comes back with its id, when it was told to.
type listener struct {
	ready, connects, last atomic.Int64
	wrong                 atomic.Pointer[error] // what must not be
}

func (l *listener) run(ctx context.Context, url string) {
	transport := &http.Transport{DisableKeepAlives: true}
	retry := time.Second
	c := sse.Client{HTTP: &http.Client{Transport: transport}, Channels: []event.Channel{news}, NoInbox: true}
	c.OnBlock = func(b sse.Block) bool {
		retry = cmp.Or(b.Retry, retry)
		switch b.Event {
		case "bellhop.ready":
			l.ready.Add(1)
		case "note":
			cursor, err := event.ParseCursor(b.ID)
			at, _ := cursor.Position(news)
			if last := l.last.Swap(int64(at.Seq)); err != nil || last != 0 && last+1 != int64(at.Seq) {
				err = fmt.Errorf("%d came after %d: %w", at.Seq, last, err)
				l.wrong.Store(&err)
			}
		}
		return true
	}
	for ctx.Err() == nil {
		l.connects.Add(1)
		if err := c.Connect(ctx, url); errors.Is(err, sse.ErrStatus) && ctx.Err() == nil {
			l.wrong.Store(&err)
			return
		}
		select {
		case <-time.After(retry):
		case <-ctx.Done():
		}
	}
}

func (l *listener) await(t *testing.T, what string, enough func(ready, connects, last int) bool) {
	t.Helper()
	require.Eventually(t, func() bool {
		if wrong := l.wrong.Load(); wrong != nil {
			require.NoError(t, *wrong, what)
		}
		return enough(int(l.ready.Load()), int(l.connects.Load()), int(l.last.Load()))
	}, patience, 5*time.Millisecond, what)
}

// TestProxiesAsDocumented: a stream opens at once, lives through silences that are
// longer than the proxy's limits, through a reload of the proxy, a gateway that is
// killed and one that drains while the proxy still sends it clients.
func TestProxiesAsDocumented(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(t *testing.T, gateways [2]string) *testenv.FrontProxy{
		"HAProxy": func(t *testing.T, gateways [2]string) *testenv.FrontProxy {
			t.Helper()
			return testenv.HAProxy(t, func(listen string) string { return documented(t, "haproxy", listen, gateways) })
		},
		"Caddy": func(t *testing.T, gateways [2]string) *testenv.FrontProxy {
			t.Helper()
			return testenv.Caddy(t, func(listen string) string { return documented(t, "caddyfile", listen, gateways) })
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFleet(t)
			proxy := start(t, f.addresses())
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			defer wg.Wait()
			defer cancel()
			listeners := make([]*listener, *streams)
			for i := range listeners {
				listeners[i] = new(listener)
				wg.Go(func() { listeners[i].run(ctx, proxy.URL()) })
			}
			all := func(what string, enough func(ready, connects, last int) bool) {
				t.Helper()
				for _, l := range listeners {
					l.await(t, what, enough)
				}
			}
			all("open, with nothing to say", func(ready, _, _ int) bool { return ready == 1 })
			require.NoError(t, f.publish(t.Context(), 1))
			all("at once", func(_, _, last int) bool { return last == 1 })

			quiet := time.Now()
			require.Eventually(t, func() bool { return time.Since(quiet) > 5*time.Second }, patience, 100*time.Millisecond)
			require.NoError(t, f.publish(t.Context(), 2))
			all("after a silence", func(_, connects, last int) bool { return last == 2 && connects == 1 })

			proxy.Reload()
			require.NoError(t, f.publish(t.Context(), 3))
			all("through a reload", func(_, _, last int) bool { return last == 3 })

			// Streams that the reload ended, if any, are back before the next part dies.
			f.gateways[0].Kill(t)
			require.NoError(t, f.publish(t.Context(), 4))
			all("from the other gateway", func(_, _, last int) bool { return last == 4 })
			f.gateways[0].Start(t)

			var published atomic.Int64
			published.Store(4)
			stop, stopped := make(chan struct{}), make(chan error, 1)
			go func() {
				for {
					select {
					case <-stop:
						stopped <- nil
						return
					case <-time.After(time.Second / time.Duration(*rate)):
						if err := f.publish(t.Context(), int(published.Add(1))); err != nil {
							stopped <- err
							return
						}
					}
				}
			}()
			for _, g := range f.gateways { // a rolling restart
				require.NoError(t, g.Stop(patience))
				g.Start(t)
				now := int(published.Load())
				all("through the restart of "+g.URL, func(_, _, last int) bool { return last >= now })
			}
			close(stop)
			require.NoError(t, <-stopped)
			all("to the last", func(_, _, last int) bool { return last == int(published.Load()) })
			connects := int64(0)
			for _, l := range listeners {
				connects += l.connects.Load()
			}
			t.Logf("%d clients, %d events, %d connects: none refused, lost or doubled", len(listeners), published.Load(), connects)
		})
	}
}
