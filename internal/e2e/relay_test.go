package e2e

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
	"github.com/bellhop/bellhop/relay"
)

var (
	relayFor  = flag.Duration("relay", 5*time.Second, "for how long rows are inserted while relays are killed")
	relayRate = flag.Int("relay.rate", 300, "rows a second that are inserted meanwhile")
)

const (
	outboxTable   = "bellhop_outbox"
	shopWriters   = 8
	shopRows      = 2 // of a transaction
	shopPatience  = 2 * time.Minute
	oneInRollback = 10
)

// shop is a product with an outbox in its own database, from which two relays publish.
type shop struct {
	tb                 testing.TB
	bellhop, product   *testenv.Cluster
	bellhopDB, ownDB   string
	product0, bellhop0 *sqlx.DB
	address            *testenv.TCPProxy  // of the product's database, whichever server that is
	server             *testenv.SQLServer // the one it is
	redis              *testenv.RedisServer
	relays             []*testenv.Program
}

// tell is an event of the product: the n-th of a channel.
type tell struct {
	Channel string `db:"channel"`
	N       int64  `db:"n"`
}

func newShop(tb testing.TB, relays int) *shop {
	tb.Helper()
	s := &shop{tb: tb}
	var starts sync.WaitGroup
	starts.Go(func() { s.bellhop = testenv.PrivateMySQL(tb, testenv.MariaDB()) })
	starts.Go(func() { s.product = testenv.PrivateMySQL(tb, testenv.MariaDB()) })
	starts.Wait()
	s.bellhopDB, s.ownDB = s.bellhop.NewDatabase(tb), s.product.NewDatabase(tb)
	s.server = s.product.Primary
	s.address = testenv.Proxy(tb, s.server.Addr)
	s.product0 = pool(tb, s.outboxDSN())
	s.bellhop0 = pool(tb, s.bellhop.Primary.DSN(s.bellhopDB))
	for statement := range strings.SplitSeq(relay.Schema(outboxTable)+"CREATE TABLE told (channel VARCHAR(64), n BIGINT, PRIMARY KEY (channel, n))", ";\n") {
		if strings.TrimSpace(statement) != "" {
			_, err := s.product0.ExecContext(tb.Context(), statement)
			require.NoError(tb, err, statement)
		}
	}
	s.redis = testenv.Redis(tb)
	for range relays {
		s.relays = append(s.relays, testenv.RunCommand(tb, testenv.Build(tb, "./cmd/notifier"), "relay", append(s.environ(), "BELLHOP_OUTBOX="+s.outboxDSN())...))
	}
	return s
}

func (s *shop) environ() []string {
	return []string{"BELLHOP_MYSQL_PRIMARY=" + s.bellhop.Primary.DSN(s.bellhopDB), "BELLHOP_REDIS=" + s.redis.URL()}
}

func (s *shop) outboxDSN() string { return s.server.DSNVia(s.address.Addr, s.ownDB) }

// failOver has the product's replica take the place of its primary, for good. Nothing that
// the primary acknowledged is missing there, as it is where replication is semi-synchronous.
func (s *shop) failOver() {
	s.tb.Helper()
	s.server.Demote(s.tb) // what is being committed is committed by then
	s.product.WaitCaughtUp(s.tb)
	s.server.Kill(s.tb)
	s.product.Promote(s.tb)
	s.server = s.product.Replica
	s.address.Redirect(s.server.Addr)
	s.address.Cut()
}

func pool(tb testing.TB, dsn string) *sqlx.DB {
	tb.Helper()
	db, err := sqlx.Open("mysql", dsn)
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = db.Close() })
	return db
}

// sell changes the product in transactions until ctx ends. Each tells channels of its own
// writer what the product did, in their order; some are rolled back.
func (s *shop) sell(ctx context.Context, writer int) {
	r := rand.New(rand.NewPCG(1, uint64(writer)))
	channels := max(5, int(relayFor.Seconds())*(*relayRate)/shopWriters/500)
	n := make([]int64, channels)
	ticks := time.NewTicker(time.Second * shopWriters * shopRows / time.Duration(*relayRate))
	defer ticks.Stop()
	for ctx.Err() == nil {
		tells := make([]tell, shopRows)
		for i := range tells {
			ch := r.IntN(channels)
			n[ch]++
			tells[i] = tell{fmt.Sprintf("user:%d-%d", writer, ch), n[ch]}
		}
		// One that fails may have been committed: told knows.
		_ = s.transact(tells, r.IntN(oneInRollback) == 0)
		select {
		case <-ticks.C:
		case <-ctx.Done():
		}
	}
}

func (s *shop) transact(tells []tell, rollback bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	tx, err := s.product0.BeginTxx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	for _, what := range tells {
		if _, err := tx.ExecContext(ctx, "INSERT INTO told (channel, n) VALUES (?, ?)", what.Channel, what.N); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO "+outboxTable+" (channels, type, data) VALUES (?, 'sold', ?)", what.Channel, strconv.FormatInt(what.N, 10)); err != nil {
			return err
		}
	}
	if rollback {
		return nil
	}
	return tx.Commit()
}

// stands returns the lowest and the highest id of the outbox; zeros: it is empty.
func (s *shop) stands() (span struct{ Low, High int64 }, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	err = s.product0.GetContext(ctx, &span, "SELECT COALESCE(MIN(id), 0) AS low, COALESCE(MAX(id), 0) AS high FROM "+outboxTable)
	return span, err
}

// takenOver waits until all is published that stands in the outbox by now, and returns how
// long that took.
func (s *shop) takenOver() time.Duration {
	s.tb.Helper()
	began := time.Now()
	var at int64
	require.Eventually(s.tb, func() bool {
		span, err := s.stands()
		if at == 0 {
			at = span.High
		}
		return err == nil && (span.Low == 0 || span.Low > at)
	}, shopPatience, 20*time.Millisecond)
	return time.Since(began)
}

// hurt breaks one part and mends it, until ctx ends; each kind once at least. The product's
// database fails over once.
func (s *shop) hurt(ctx context.Context) {
	var longest time.Duration
	kinds := []string{"relay 0", "relay 1", "product", "bellhop", "relay 1", "relay 0", "fail-over"}
	count := make(map[string]int)
	for i := 0; i < len(kinds) || ctx.Err() == nil; i++ {
		kind := kinds[i%len(kinds)]
		if i >= len(kinds) {
			kind = kinds[rand.IntN(len(kinds)-1)]
		}
		count[kind]++
		switch kind {
		case "product":
			s.server.Kill(s.tb)
			s.server.Start(s.tb)
			s.server.Exec(s.tb, "SET GLOBAL read_only = 0") // as one that was a replica begins
		case "fail-over":
			s.failOver()
			longest = max(longest, s.takenOver())
		case "bellhop":
			s.bellhop.Primary.Kill(s.tb)
			s.bellhop.Primary.Start(s.tb)
		default:
			p := s.relays[kind[len(kind)-1]-'0']
			p.Kill(s.tb)
			longest = max(longest, s.takenOver())
			p.Start(s.tb)
		}
	}
	s.tb.Logf("broken: %v; until a relay had published what stood there: %v at most", count, longest)
}

// TestOutboxIsPublishedOnceAndInOrder: relays are killed, and both databases, and that of the
// product fails over, while it commits rows and rolls some back. In the end each committed row is in its
// channel once, in order, and nothing else is.
func TestOutboxIsPublishedOnceAndInOrder(t *testing.T) {
	t.Parallel()
	s := newShop(t, 2)
	ctx, cancel := context.WithTimeout(t.Context(), *relayFor)
	defer cancel()
	selling, stop := context.WithCancel(t.Context())
	defer stop()
	var writers sync.WaitGroup
	for i := range shopWriters {
		writers.Go(func() { s.sell(selling, i) })
	}
	s.hurt(ctx)
	stop()
	writers.Wait()
	s.takenOver()

	var want, got []tell
	require.NoError(t, s.product0.SelectContext(t.Context(), &want, "SELECT channel, n FROM told"))
	require.NoError(t, s.bellhop0.SelectContext(t.Context(), &got,
		"SELECT c.name AS channel, CAST(CAST(e.data AS CHAR) AS SIGNED) AS n FROM events e JOIN channels c ON c.hash = e.channel ORDER BY c.name, e.seq"))
	byChannel := func(a, b tell) int { return strings.Compare(a.Channel, b.Channel) }
	slices.SortFunc(want, func(a, b tell) int {
		if by := byChannel(a, b); by != 0 {
			return by
		}
		return int(a.N - b.N)
	})
	slices.SortStableFunc(got, byChannel)
	require.Greater(t, len(want), 100)
	require.Len(t, got, len(want))
	require.True(t, slices.Equal(want, got), "some are out of order")
	var parked int
	require.NoError(t, s.product0.GetContext(t.Context(), &parked, "SELECT COUNT(*) FROM "+outboxTable))
	require.Zero(t, parked)
	t.Logf("%d rows, each once and in order", len(want))
}
