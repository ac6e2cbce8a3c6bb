package chaos

import (
	"context"
	"flag"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
	"github.com/bellhop/bellhop/internal/testkit/workload"
)

var (
	long   = flag.Bool("chaos.long", false, "all scenarios at full size")
	rounds = flag.Int("chaos.rounds", 1, "how often each scenario runs in a row")
	random = flag.Duration("chaos.random", time.Minute, "how long the long form breaks things at random")
)

func TestMain(m *testing.M) {
	fanout.SetRedisLogger(slog.New(slog.DiscardHandler))
	testenv.Main(m)
}

const (
	signingKey = "0123456789abcdef0123456789abcdef"
	serviceKey = "a-chaos-service-key"
	watched    = event.Channel("topic:watched") // everybody listens to it
)

// fleet is two gateways and two notifiers. Each way between two parts leads
// through a proxy of its own.
type fleet struct {
	t                               *testing.T
	cluster                         *testenv.Cluster
	primary                         *testenv.SQLServer // the one that counts in the end
	database                        string
	redis                           *testenv.RedisServer
	gatewayRedis, notifierRedis     *testenv.TCPProxy
	gatewayPrimary, notifierPrimary *testenv.TCPProxy
	gatewayReplica                  *testenv.TCPProxy
	gateways, notifiers             []*testenv.Program
	notifierEnv                     []string
	policies                        []string // of namespaces besides topic and raffle

	lives int // of Redis that ended

	mu   sync.Mutex
	down map[*testenv.Program]bool
}

func newFleet(t *testing.T, policies ...string) *fleet {
	t.Helper()
	f := &fleet{t: t, redis: testenv.Redis(t), down: map[*testenv.Program]bool{}, policies: policies}
	f.gatewayRedis, f.notifierRedis = testenv.Proxy(t, f.redis.Addr), testenv.Proxy(t, f.redis.Addr)
	f.begin("redis://"+f.gatewayRedis.Addr, "redis://"+f.notifierRedis.Addr)
	return f
}

// begin starts the database and the programs.
func (f *fleet) begin(gatewayRedis, notifierRedis string) {
	t := f.t
	t.Helper()
	engines := testenv.Engines()
	// Commits must outlive a killed server; a crash of the machine is not ours.
	f.cluster = testenv.PrivateMySQL(t, engines[len(engines)-1], testenv.ServerOption("--innodb-flush-log-at-trx-commit=2"))
	f.primary = f.cluster.Primary
	f.database = f.cluster.NewDatabase(t)
	f.gatewayPrimary, f.notifierPrimary = testenv.Proxy(t, f.primary.Addr), testenv.Proxy(t, f.primary.Addr)
	f.gatewayReplica = testenv.Proxy(t, f.cluster.Replica.Addr)
	policies := testenv.Policies(t, append([]string{
		// More than any run publishes: who is away while events are taken away is told to
		// fetch anew, and rightly so.
		"  topic: {access: public, log: database, retention: {max_age: 1h, max_count: 1000000}}",
		"  raffle: {access: public, log: redis, conflate: true, join: latest, max_rate: 10, retention: {max_age: 1h, max_count: 100}}",
	}, f.policies...)...)
	f.notifierEnv = []string{
		policies,
		"BELLHOP_MYSQL_PRIMARY=" + f.primary.DSNVia(f.notifierPrimary.Addr, f.database),
		"BELLHOP_REDIS=" + notifierRedis,
		"BELLHOP_SERVICE_KEYS=chaos=" + serviceKey,
	}
	gatewayEnv := []string{
		policies,
		"BELLHOP_MYSQL_PRIMARY=" + f.primary.DSNVia(f.gatewayPrimary.Addr, f.database),
		"BELLHOP_MYSQL_REPLICAS=" + f.primary.DSNVia(f.gatewayReplica.Addr, f.database),
		"BELLHOP_REDIS=" + gatewayRedis,
		"BELLHOP_JWT_SECRET=" + signingKey,
		"BELLHOP_SLOW_TIMEOUT=5s", "BELLHOP_DRAIN=1s",
	}
	for range 2 {
		f.notifiers = append(f.notifiers, testenv.Run(t, testenv.Build(t, "./cmd/notifier"), f.notifierEnv...))
	}
	f.cluster.WaitCaughtUp(t)
	for range 2 {
		f.gateways = append(f.gateways, testenv.Run(t, testenv.Build(t, "./cmd/gateway"), gatewayEnv...))
	}
}

func (f *fleet) kill(p *testenv.Program) {
	f.mark(p, true)
	p.Kill(f.t)
}

func (f *fleet) start(p *testenv.Program) {
	p.Start(f.t)
	f.mark(p, false)
}

func (f *fleet) mark(p *testenv.Program, down bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.down[p] = down
}

// up returns the addresses of those that were not killed. A client would be
// refused by the others, as Nginx is, and try the next.
func (f *fleet) up(all []*testenv.Program) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	var urls []string
	for _, p := range all {
		if !f.down[p] {
			urls = append(urls, p.URL)
		}
	}
	return urls
}

func (f *fleet) plan() workload.Plan {
	return workload.Plan{
		Shared:     []event.Channel{watched},
		Restless:   0.2,
		Gateways:   func() []string { return f.up(f.gateways) },
		Notifiers:  func() []string { return f.up(f.notifiers) },
		ServiceKey: serviceKey,
		Token: func(user string) (string, error) {
			now := time.Now()
			return auth.SignToken(signingKey, auth.Claims{Subject: user, IssuedAt: now, Expires: now.Add(time.Hour)})
		},
		Contents: func(ctx context.Context, ch event.Channel) (workload.Contents, error) {
			return workload.ReadContents(ctx, f.primary.Admin(), f.database, ch)
		},
	}
}

// counter adds a metric of the gateways up, by its labels.
func (f *fleet) counter(name string) map[string]int {
	sums := map[string]int{}
	for _, g := range f.gateways {
		for sample, value := range g.Metrics(f.t) {
			if labels, ok := strings.CutPrefix(sample, name); ok {
				sums[labels] += int(value)
			}
		}
	}
	return sums
}
