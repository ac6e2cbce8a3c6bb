// Package e2e runs whole fleets, gateways and notifiers on a real Redis and a
// real primary with a real replica, and looks at what clients get.
package e2e

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/event"
	"github.com/bellhop/bellhop/fanout"
	"github.com/bellhop/bellhop/gateway"
	"github.com/bellhop/bellhop/gateway/hub"
	"github.com/bellhop/bellhop/internal/server"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
	"github.com/bellhop/bellhop/internal/testkit/workload"
	"github.com/bellhop/bellhop/notifier"
	"github.com/bellhop/bellhop/store"
)

const (
	signingKey = "0123456789abcdef0123456789abcdef"
	serviceKey = "an-end-to-end-service-key"
)

// fleet is some gateways and a notifier on real servers.
type fleet struct {
	tb       testing.TB
	cluster  *testenv.Cluster // nil on a group
	database string
	mysql    store.MySQLConfig
	current  func() *testenv.SQLServer // what counts in the end
	redis    *testenv.RedisServer
	logger   *slog.Logger // in which neither a token nor a key may stand
	gateways []*member
	notifier *member
	drop     atomic.Uint64 // one in so many messages is lost on the bus; zero: none
	dropped  atomic.Int64
}

// member is one process of the fleet, within this one.
type member struct {
	url      string
	registry *prometheus.Registry
	hub      *hub.Hub // of a gateway
}

func newFleet(tb testing.TB, cluster *testenv.Cluster, gateways int) *fleet {
	tb.Helper()
	database := cluster.NewDatabase(tb)
	f := &fleet{
		tb: tb, cluster: cluster, database: database, current: func() *testenv.SQLServer { return cluster.Primary },
		mysql: store.MySQLConfig{Primary: cluster.Primary.DSN(database), Replicas: []string{cluster.Replica.DSN(database)}},
	}
	f.begin(gateways)
	return f
}

// newGroupFleet is newFleet on servers that lose nothing when one of them fails.
func newGroupFleet(tb testing.TB, kind testenv.GroupKind, gateways int) (*fleet, *testenv.Group) {
	tb.Helper()
	group, database := testenv.NewGroup(tb, kind, 3)
	f := &fleet{
		tb: tb, database: database, current: group.Primary,
		mysql: store.MySQLConfig{Primary: group.DSN(database)},
	}
	f.begin(gateways)
	return f, group
}

func (f *fleet) begin(gateways int) {
	f.redis, f.logger = testenv.Redis(f.tb), testenv.Logger(f.tb, signingKey, serviceKey)
	f.addNotifier()
	for range gateways {
		f.addGateway()
	}
}

// env is what a program of the fleet is told that runs in a process of its own.
func (f *fleet) env(more ...string) []string {
	return append([]string{
		"BELLHOP_MYSQL_PRIMARY=" + f.cluster.Primary.DSN(f.database),
		"BELLHOP_MYSQL_REPLICAS=" + f.cluster.Replica.DSN(f.database),
		"BELLHOP_REDIS=" + f.redis.URL(),
	}, more...)
}

// gatewayProcess starts one that is no part of this process: its descriptors and its
// memory are its own.
func (f *fleet) gatewayProcess(tb testing.TB, more ...string) *testenv.Program {
	tb.Helper()
	return testenv.Run(tb, testenv.Build(tb, "./cmd/gateway"), f.env(append(more, "BELLHOP_JWT_SECRET="+signingKey)...)...)
}

func (f *fleet) log(pool int) *store.DB {
	f.tb.Helper()
	cfg := f.mysql
	cfg.PoolSize, cfg.Log = pool, f.logger
	db, err := store.OpenMySQL(context.Background(), cfg)
	require.NoError(f.tb, err)
	f.tb.Cleanup(func() { require.NoError(f.tb, db.Close()) })
	return db
}

func (f *fleet) bus() *fanout.Redis {
	f.tb.Helper()
	client, err := fanout.OpenRedis(f.redis.URL())
	require.NoError(f.tb, err)
	f.tb.Cleanup(func() { require.NoError(f.tb, client.Close()) })
	return fanout.NewRedis(client, fanout.Config{Logger: f.logger})
}

func (f *fleet) addNotifier() {
	db := f.log(4)
	require.NoError(f.tb, db.Migrate(context.Background()))
	keys, err := auth.ParseServiceKeys("e2e=" + serviceKey)
	require.NoError(f.tb, err)
	m, srv := f.member()
	n, err := notifier.New(notifier.Config{
		Log: db, Bus: lossy{f.bus(), f}, Policies: auth.Builtin(), Keys: keys, Registerer: m.registry, Logger: f.logger,
	})
	require.NoError(f.tb, err)
	require.NoError(f.tb, n.Start(context.Background()))
	f.tb.Cleanup(n.Stop)
	n.Register(srv.API)
	f.serve(m, srv)
	f.notifier = m
}

func (f *fleet) addGateway() {
	db, bus := f.log(4), f.bus()
	m, srv := f.member()
	h, err := hub.New(hub.Config{
		Log:        db,
		Bus:        func(h fanout.Handler) (fanout.Subscriber, error) { return bus.Subscriber(h), nil },
		Registerer: m.registry, Logger: f.logger,
	})
	require.NoError(f.tb, err)
	m.hub = h
	f.tb.Cleanup(func() { require.NoError(f.tb, h.Close()) })
	verifier, err := auth.NewVerifier(auth.TokenConfig{Issuers: []auth.Issuer{{Secrets: []string{signingKey}}}})
	require.NoError(f.tb, err)
	g, err := gateway.New(gateway.Config{
		Hub: h, Log: db, Inbox: db, Bus: bus, Verifier: verifier, Policies: auth.Builtin(), Registerer: m.registry, Logger: f.logger,
	})
	require.NoError(f.tb, err)
	f.tb.Cleanup(func() { require.NoError(f.tb, g.Close()) })
	g.Register(srv)
	f.serve(m, srv)
	f.gateways = append(f.gateways, m)
}

func (f *fleet) member() (*member, *server.Server) {
	m := &member{registry: prometheus.NewRegistry()}
	srv, err := server.New(server.Options{Logger: f.logger, Registerer: m.registry, ShutdownTimeout: 5 * time.Second})
	require.NoError(f.tb, err)
	return m, srv
}

func (f *fleet) serve(m *member, srv *server.Server) {
	listener, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	require.NoError(f.tb, err)
	m.url = "http://" + listener.Addr().String()
	ctx, stop := context.WithCancel(context.Background())
	var served sync.WaitGroup
	served.Go(func() {
		if err := srv.Serve(ctx, listener); err != nil {
			f.tb.Errorf("serve: %v", err)
		}
	})
	f.tb.Cleanup(func() { stop(); served.Wait() })
}

// lossy is a bus that loses some messages.
type lossy struct {
	fanout.Publisher
	f *fleet
}

func (l lossy) Publish(ctx context.Context, messages []fanout.Message) ([]int, error) {
	kept := make([]fanout.Message, 0, len(messages))
	for _, m := range messages {
		if n := l.f.drop.Load(); n > 0 && rand.Uint64N(n) == 0 {
			l.f.dropped.Add(1)
			continue
		}
		kept = append(kept, m)
	}
	if len(kept) < len(messages) {
		_, err := l.Publisher.Publish(ctx, kept)
		return nil, errors.Join(err, errDropped) // who heard it is not known
	}
	return l.Publisher.Publish(ctx, kept)
}

var errDropped = errors.New("some messages were lost on purpose")

// total adds a counter up over all gateways.
func (f *fleet) total(name, label, value string) float64 {
	f.tb.Helper()
	sum := 0.0
	for _, g := range f.gateways {
		families, err := g.registry.Gather()
		require.NoError(f.tb, err)
		for _, family := range families {
			if family.GetName() != name {
				continue
			}
			for _, metric := range family.GetMetric() {
				for _, l := range metric.GetLabel() {
					if l.GetName() == label && l.GetValue() == value {
						sum += metric.GetCounter().GetValue()
					}
				}
			}
		}
	}
	return sum
}

// inDoubt tells whether a gateway does not rely on the bus, and how often they came to
// that so far.
func (f *fleet) inDoubt() (now bool, times float64) {
	f.tb.Helper()
	for _, g := range f.gateways {
		now = now || g.hub.Doubt() > 0
		families, err := g.registry.Gather()
		require.NoError(f.tb, err)
		i := slices.IndexFunc(families, func(family *dto.MetricFamily) bool { return family.GetName() == "bellhop_hub_bus_doubts_total" })
		require.NotEqual(f.tb, -1, i)
		times += families[i].GetMetric()[0].GetCounter().GetValue()
	}
	return now, times
}

func (f *fleet) plan() workload.Plan {
	return workload.Plan{
		Gateways: func() []string {
			var urls []string
			for _, g := range f.gateways {
				urls = append(urls, g.url)
			}
			return urls
		},
		Notifiers:  func() []string { return []string{f.notifier.url} },
		ServiceKey: serviceKey,
		Token:      token,
		Contents: func(ctx context.Context, ch event.Channel) (workload.Contents, error) {
			return workload.ReadContents(ctx, f.current().Admin(), f.database, ch)
		},
	}
}

func token(user string) (string, error) {
	now := time.Now()
	return auth.SignToken(signingKey, auth.Claims{Subject: user, IssuedAt: now, Expires: now.Add(time.Hour)})
}
