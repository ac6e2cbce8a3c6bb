package app

import (
	"context"
	"net/http"
	"os/exec"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/internal/sse"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
	"github.com/bellhop/bellhop/store"
)

// pair is two gateways and a notifier, each a process of its own.
type pair struct {
	house
	server   *testenv.RedisServer
	bus      *testenv.TCPProxy // the gateways' way to Redis
	gateways [2]string         // their URLs
	process  [2]*exec.Cmd
	notifier string
}

func newPair(t *testing.T) *pair {
	t.Helper()
	cluster := testenv.MySQL(t, testenv.MariaDB())
	database := cluster.NewDatabase(t)
	p := &pair{server: testenv.Redis(t)}
	p.bus = testenv.Proxy(t, p.server.Addr)
	p.house = house{primary: cluster.Primary.DSN(database), replica: cluster.Replica.DSN(database), redis: p.server.URL()}
	_, _, p.notifier = launch(t, "notifier", nil, p.environ("BELLHOP_LOG_FORMAT=text", "BELLHOP_SERVICE_KEYS=ops@admin="+fleetKey))
	for i := range p.gateways {
		p.process[i], p.gateways[i] = p.gateway(t)
	}
	return p
}

// gateway starts one more gateway.
func (p *pair) gateway(t *testing.T) (process *exec.Cmd, url string) {
	t.Helper()
	process, _, url = launch(t, "gateway", nil, p.environ("BELLHOP_LOG_FORMAT=text", "BELLHOP_REDIS=redis://"+p.bus.Addr))
	return process, url
}

// visitor is somebody who wants one stream, and comes back when it breaks; not if
// it is refused, unless insisting.
type visitor struct {
	base    atomic.Pointer[string] // of the gateway to go to
	at      atomic.Pointer[string] // the gateway that carries its stream; nil: there is none
	refused atomic.Int64
	insists atomic.Bool
	why     atomic.Pointer[string] // the last block before the end
}

// stay holds a stream until ctx ends.
func (g *visitor) stay(ctx context.Context, token string) {
	var base *string
	client := sse.Client{
		HTTP:  &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
		Token: token,
		OnBlock: func(b sse.Block) bool {
			g.why.Store(&b.Event)
			if b.Event == "bellhop.refused" {
				g.refused.Add(1)
			} else {
				g.at.Store(base)
			}
			return true
		},
	}
	pause := time.NewTicker(100 * time.Millisecond)
	defer pause.Stop()
	for {
		base = g.base.Load()
		_ = client.Connect(ctx, *base) // why it ended, the blocks tell
		g.at.Store(nil)
		if why := g.why.Load(); why != nil && *why == "bellhop.refused" && !g.insists.Load() {
			return
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			return
		}
	}
}

// party is many visitors with one token.
type party []*visitor

func newParty(t *testing.T, size int, token string, bases ...string) party {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var all sync.WaitGroup
	visitors := make(party, size)
	for i := range visitors {
		g := new(visitor)
		g.base.Store(&bases[i%len(bases)])
		visitors[i] = g
		all.Go(func() { g.stay(ctx, token) })
	}
	t.Cleanup(func() { cancel(); all.Wait() })
	return visitors
}

// open counts those with a stream, at one of these gateways or, without any, at all.
func (p party) open(gateways ...string) (n int) {
	for _, g := range p {
		if at := g.at.Load(); at != nil && (len(gateways) == 0 || slices.Contains(gateways, *at)) {
			n++
		}
	}
	return n
}

// heard tells whether everybody got a stream or was refused one.
func (p party) heard() bool {
	for _, g := range p {
		if g.at.Load() == nil && g.refused.Load() == 0 {
			return false
		}
	}
	return true
}

func signed(t *testing.T, user string, issued time.Time) string {
	t.Helper()
	token, err := auth.SignToken(fleetSecret, auth.Claims{Subject: user, IssuedAt: issued, Expires: time.Now().Add(time.Hour)})
	require.NoError(t, err)
	return token
}

// TestLimitOfAPersonHoldsOverProcesses: of 200 who come at once, one person all of
// them, to two gateways, exactly 32 stay. The places of a gateway that is killed
// are free soon after. While Redis is away each gateway counts alone.
func TestLimitOfAPersonHoldsOverProcesses(t *testing.T) {
	t.Parallel()
	const comers, most = 200, 32
	p := newPair(t)
	mina := newParty(t, comers, signed(t, "mina", time.Now()), p.gateways[:]...)
	// A gateway that waits too long for Redis' word, on a busy machine, lets people
	// in by its own count, and ends what was too many a moment later.
	require.Eventually(t, func() bool { return mina.heard() && mina.open() == most }, patience, tick)
	require.Never(t, func() bool { return mina.open() != most }, 300*time.Millisecond, tick)

	for _, g := range mina {
		g.insists.Store(g.at.Load() != nil)
		g.base.Store(&p.gateways[1])
	}
	require.NoError(t, p.process[0].Process.Kill())
	require.Error(t, p.process[0].Wait())
	require.Eventually(t, func() bool { return mina.open(p.gateways[1]) == most }, patience, tick, "the places of the dead are free")

	p.server.Freeze()
	_, other := p.gateway(t)
	zoe := newParty(t, most+8, signed(t, "zoe", time.Now()), p.gateways[1])
	also := newParty(t, most+8, signed(t, "zoe", time.Now()), other)
	require.Eventually(t, func() bool { return zoe.heard() && also.heard() }, patience, tick, "Redis is not waited for")
	require.Equal(t, most, zoe.open())
	require.Equal(t, most, also.open())
	p.server.Thaw()
	require.Eventually(t, func() bool { return zoe.open()+also.open() == most }, patience, tick, "what was too many ends")
}

// TestDisconnectReachesEveryGateway: also with the way to Redis cut, by the tail of
// the log; also one that starts later; and as far as the second of the revocation.
func TestDisconnectReachesEveryGateway(t *testing.T) {
	t.Parallel()
	for name, cut := range map[string]bool{"with the bus": false, "without the bus": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t)
			old, unknown := signed(t, "mina", time.Now()), signed(t, "mina", time.Time{})
			mina := append(newParty(t, 2, old, p.gateways[:]...), newParty(t, 2, unknown, p.gateways[:]...)...)
			zoe := newParty(t, 2, signed(t, "zoe", time.Now()), p.gateways[:]...)
			require.Eventually(t, func() bool { return mina.open()+zoe.open() == len(mina)+len(zoe) }, patience, tick)
			if cut {
				p.bus.Refuse()
			}
			asked := time.Now()
			status, answer := post(t, p.notifier+"/v1/admin/disconnect", `{"user":"mina"}`, "Authorization", "Bearer "+fleetKey)
			require.Equal(t, http.StatusNoContent, status, answer)
			require.Eventually(t, func() bool { return mina.open() == 0 }, patience, tick)
			// Three seconds are promised; this machine has other things to do as well.
			require.Less(t, time.Since(asked), 10*time.Second)
			for _, g := range mina {
				require.Equal(t, "bellhop.expired", *g.why.Load(), "it ends properly")
			}
			require.Equal(t, len(zoe), zoe.open(), "nobody else notices")

			at := p.revokedAt(t)
			_, later := p.gateway(t)
			for _, gateway := range append(p.gateways[:], later) {
				for _, token := range []string{old, unknown, signed(t, "mina", at.Truncate(time.Second)), signed(t, "mina", at.Add(-time.Hour))} {
					status, _ := post(t, gateway+"/v1/session", "", "Authorization", "Bearer "+token)
					require.Equal(t, http.StatusUnauthorized, status)
				}
				newer := signed(t, "mina", at.Truncate(time.Second).Add(auth.DefaultLeeway+time.Second)) // after the leeway, soon
				require.Eventually(t, func() bool {
					status, _ := post(t, gateway+"/v1/session", "", "Authorization", "Bearer "+newer)
					return status == http.StatusNoContent
				}, patience, tick)
			}
		})
	}
}

// revokedAt is when the one person was locked out, by the database's clock.
func (p *pair) revokedAt(t *testing.T) time.Time {
	t.Helper()
	log, err := store.OpenMySQL(t.Context(), store.MySQLConfig{Primary: p.primary})
	require.NoError(t, err)
	defer log.Close()
	list, _, err := log.Revocations(t.Context(), time.Time{})
	require.NoError(t, err)
	require.Len(t, list, 1)
	return list[0].At
}
