// Package proxytest runs gateways behind reverse proxies of other people's, with the
// configuration that stands in docs/proxies.md.
package proxytest

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/bellhop/bellhop/client"
	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

const (
	patience   = 60 * time.Second
	signingKey = "0123456789abcdef0123456789abcdef"
	serviceKey = "service-key-0123456789"
	audience   = 20 // clients that listen to the same channel
)

var (
	streams = flag.Int("proxies.streams", 100, "clients behind each proxy")
	rate    = flag.Int("proxies.rate", 50, "events a second during a rolling restart")
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
	env      []string // of a gateway
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
	f := &fleet{env: append(storage,
		"BELLHOP_JWT_SECRET="+signingKey, "BELLHOP_HEARTBEAT=1s", "BELLHOP_DRAIN=1s", "BELLHOP_DRAIN_DELAY=4s", "BELLHOP_TRUSTED_PROXIES=127.0.0.1")}
	for i := range f.gateways {
		f.gateways[i] = f.start(t)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	c, err := client.New(client.Config{URL: notifier.URL, Key: serviceKey, HTTPClient: &http.Client{Transport: transport}})
	require.NoError(t, err)
	f.client = c
	return f
}

// start starts a gateway.
func (f *fleet) start(t *testing.T) *testenv.Program {
	t.Helper()
	return testenv.Run(t, testenv.Build(t, "./cmd/gateway"), f.env...)
}

func (f *fleet) addresses() (all [2]string) {
	for i, g := range f.gateways {
		all[i] = strings.TrimPrefix(g.URL, "http://")
	}
	return all
}

// room is the channel of a client.
func room(client int) event.Channel { return event.Channel(fmt.Sprintf("room:%d", client/audience)) }

// publish publishes one event to these channels.
func (f *fleet) publish(ctx context.Context, rooms ...string) error {
	_, err := f.client.Publish(ctx, client.Event{Channels: rooms, Type: "note", Data: 1})
	return err
}

// tell publishes one event to all channels.
func (f *fleet) tell(t *testing.T) {
	t.Helper()
	var rooms []string
	for i := 0; i < *streams; i += audience {
		rooms = append(rooms, string(room(i)))
	}
	require.NoError(t, f.publish(t.Context(), rooms...))
}

// keepPublishing publishes events at rate, to one channel after the other, until end
// is called. What is due while something is in the way is published afterwards, so the
// rate is held all the time. Both it and count return how many there are of each channel,
// which had before.
func (f *fleet) keepPublishing(t *testing.T, before int) (count, end func() []int) {
	t.Helper()
	const publishers = 16
	published := make([]atomic.Int64, (*streams+audience-1)/audience)
	for i := range published {
		published[i].Store(int64(before))
	}
	count = func() []int {
		now := make([]int, len(published))
		for i := range published {
			now[i] = int(published[i].Load())
		}
		return now
	}
	began, stop := time.Now(), make(chan struct{})
	var over, latest atomic.Int64 // since began
	var all errgroup.Group
	for first := range publishers {
		all.Go(func() error {
			for i := first; ; i += publishers {
				due := time.Duration(i) * time.Second / time.Duration(*rate)
				select {
				case <-time.After(due - time.Since(began)):
				case <-stop:
				}
				if last := over.Load(); last > 0 && int64(due) > last {
					return nil
				}
				to := i % len(published)
				if err := f.publish(t.Context(), string(room(to*audience))); err != nil {
					return err
				}
				published[to].Add(1)
				for late := int64(time.Since(began) - due); ; {
					if was := latest.Load(); late <= was || latest.CompareAndSwap(was, late) {
						break
					}
				}
			}
		})
	}
	return count, func() []int {
		over.Store(int64(time.Since(began)))
		close(stop)
		require.NoError(t, all.Wait())
		now := count()
		events, took := sum(now)-before*len(now), time.Duration(over.Load())
		t.Logf("%d events in %v, %.0f a second, each within %v of its time", events, took, float64(events)/took.Seconds(), time.Duration(latest.Load()))
		return now
	}
}

// sum adds up.
func sum(all []int) (total int) {
	for _, n := range all {
		total += n
	}
	return total
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
			all := open(t, proxy.URL())
			all.await(t, "open, with nothing to say", func(ready, _, _ int) bool { return ready == 1 })
			f.tell(t)
			all.await(t, "at once", func(_, _, last int) bool { return last == 1 })

			quiet := time.Now()
			require.Eventually(t, func() bool { return time.Since(quiet) > 5*time.Second }, patience, 100*time.Millisecond)
			f.tell(t)
			all.await(t, "after a silence", func(_, connects, last int) bool { return last == 2 && connects == 1 })

			proxy.Reload()
			f.tell(t)
			all.await(t, "through a reload", func(_, _, last int) bool { return last == 3 })

			// Streams that the reload ended, if any, are back before the next part dies.
			f.gateways[0].Kill(t)
			f.tell(t)
			all.await(t, "from the other gateway", func(_, _, last int) bool { return last == 4 })
			f.gateways[0].Start(t)

			published, end := f.keepPublishing(t, 4)
			for _, g := range f.gateways { // a rolling restart
				require.NoError(t, g.Stop(patience))
				g.Start(t)
				all.awaitAll(t, "through the restart of "+g.URL, published())
			}
			total := end()
			all.awaitAll(t, "to the last", total)
			t.Logf("%d clients, %d events, %d connects: none refused, lost or doubled", len(all), sum(total), all.connects())
		})
	}
}
