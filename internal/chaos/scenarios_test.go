package chaos

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/internal/testkit/testenv"
)

func scenarios() []scenario {
	return []scenario{
		{name: "gateway killed", hurt: gatewayKilled, short: true},
		{name: "notifier killed between commit and publish", hurt: notifierKilled, short: true},
		{name: "redis restarted empty", hurt: redisRestarted, short: true},
		{name: "subscribers killed", hurt: subscribersKilled, short: true},
		{name: "primary killed", hurt: primaryKilled, short: true},
		{name: "redis stopped", hurt: redisStopped, lasts: 10 * time.Second},
		{name: "redis frozen", hurt: redisFrozen, lasts: 8 * time.Second},
		{name: "gateways' way to redis stalled", hurt: gatewayRedisStalled, lasts: 8 * time.Second},
		{name: "notifiers cut from redis", hurt: notifierRedisCut, lasts: 8 * time.Second},
		{name: "replica stopped", hurt: replicaStopped, lasts: 20 * time.Second},
		{name: "replica behind", hurt: replicaBehind, lasts: 12 * time.Second},
		{name: "gateways cut from the primary", hurt: gatewayPrimaryCut, lasts: 8 * time.Second},
		{name: "notifiers cut from the primary in transactions", hurt: notifierPrimaryCut, lasts: 8 * time.Second},
		{name: "replica promoted, transactions missing", hurt: replicaPromoted, lossy: true, lasts: 5 * time.Second},
		{name: "snapshot restored", hurt: snapshotRestored, lossy: true, lasts: 8 * time.Second},
		{name: "readers stalled", hurt: readersStalled, lasts: 10 * time.Second},
		{name: "anything", hurt: anything, lasts: *random, mixed: true},
	}
}

func gatewayKilled(f *fleet) {
	for _, g := range f.gateways {
		f.kill(g)
		hold(some(2 * time.Second))
		f.start(g)
	}
}

// notifierKilled stalls the way to Redis, so that what is committed is not
// published, and kills the notifiers while it is.
func notifierKilled(f *fleet) {
	f.notifierRedis.Stall()
	hold(300 * time.Millisecond)
	for _, n := range f.notifiers {
		f.kill(n)
	}
	f.notifierRedis.Cut()
	f.notifierRedis.Resume()
	for _, n := range f.notifiers {
		f.start(n)
	}
}

func redisRestarted(f *fleet) {
	f.killRedis()
	f.redis.Start()
}

func (f *fleet) killRedis() {
	f.redis.Kill()
	f.lives++
}

func subscribersKilled(f *fleet) {
	for range 5 {
		require.NoError(f.t, f.redis.Client().ClientKillByFilter(context.Background(), "TYPE", "pubsub").Err())
		hold(some(time.Second))
	}
}

func primaryKilled(f *fleet) {
	f.primary.Kill(f.t)
	hold(some(3 * time.Second))
	f.primary.Start(f.t)
}

func redisStopped(f *fleet) {
	f.killRedis()
	hold(some(10 * time.Second))
	f.redis.Start()
}

func redisFrozen(f *fleet) {
	f.redis.Freeze()
	hold(some(8 * time.Second))
	f.redis.Thaw()
}

func gatewayRedisStalled(f *fleet) {
	f.gatewayRedis.Stall()
	hold(some(8 * time.Second))
	f.gatewayRedis.Resume()
}

func notifierRedisCut(f *fleet) {
	f.notifierRedis.Refuse()
	hold(some(8 * time.Second))
	f.notifierRedis.Resume()
}

func replicaStopped(f *fleet) {
	f.cluster.Replica.Kill(f.t)
	hold(some(20 * time.Second))
	f.cluster.Replica.Start(f.t)
}

// replicaBehind keeps the replica about three seconds behind.
func replicaBehind(f *fleet) {
	for range 3 {
		f.cluster.StopApplier(f.t)
		hold(some(3 * time.Second))
		f.cluster.StartApplier(f.t)
		hold(some(time.Second))
	}
}

func gatewayPrimaryCut(f *fleet) {
	f.gatewayPrimary.Refuse()
	hold(some(4 * time.Second))
	f.gatewayPrimary.Resume()
	f.gatewayPrimary.Stall()
	hold(some(4 * time.Second))
	f.gatewayPrimary.Resume()
}

// notifierPrimaryCut cuts connections while transactions, and their COMMITs, are
// under way: nobody knows what became of some.
func notifierPrimaryCut(f *fleet) {
	for range 10 {
		f.notifierPrimary.Stall()
		hold(some(time.Duration(rand.IntN(300)) * time.Millisecond))
		f.notifierPrimary.Cut()
		f.notifierPrimary.Resume()
		hold(some(500 * time.Millisecond))
	}
}

// replicaPromoted fails over to a replica that lacks acknowledged transactions.
// The address stays the same, and connections to the old primary stay open.
func replicaPromoted(f *fleet) {
	f.cluster.StopReplication(f.t)
	hold(some(time.Second)) // at 500 events a second far more than ten are missing
	f.cluster.Promote(f.t)
	f.notifierPrimary.Redirect(f.cluster.Replica.Addr)
	f.gatewayPrimary.Redirect(f.cluster.Replica.Addr)
	f.cluster.Primary.Demote(f.t)
	f.primary = f.cluster.Replica
	hold(some(4 * time.Second))
}

// snapshotRestored follows docs/operations.md: notifiers stopped, the database
// restored, a new epoch, notifiers started.
func snapshotRestored(f *fleet) {
	f.stopNotifiers()
	f.copyTables("", "snapshot_")
	f.startNotifiers()
	hold(some(4 * time.Second))
	f.stopNotifiers()
	f.copyTables("snapshot_", "")
	cmd := exec.Command(testenv.Build(f.t, "./cmd/notifier"), "epoch", "new")
	cmd.Env = append(os.Environ(), f.notifierEnv...)
	out, err := cmd.CombinedOutput()
	require.NoError(f.t, err, "%s", out)
	f.startNotifiers()
}

func (f *fleet) stopNotifiers() {
	for _, n := range f.notifiers {
		f.mark(n, true)
		require.NoError(f.t, n.Stop(30*time.Second))
	}
}

func (f *fleet) startNotifiers() {
	for _, n := range f.notifiers {
		f.start(n)
	}
}

// copyTables copies all tables of the log to those of another prefix, in one
// transaction where rows are replaced.
func (f *fleet) copyTables(from, to string) {
	ctx := context.Background()
	conn, err := f.primary.Admin().Conn(ctx)
	require.NoError(f.t, err)
	defer conn.Close()
	exec := func(format string, args ...any) {
		_, err := conn.ExecContext(ctx, fmt.Sprintf(format, args...))
		require.NoError(f.t, err)
	}
	exec("USE `%s`", f.database)
	rows, err := conn.QueryContext(ctx, "SHOW TABLES")
	require.NoError(f.t, err)
	var tables []string
	for rows.Next() {
		var name string
		require.NoError(f.t, rows.Scan(&name))
		if name, ok := strings.CutPrefix(name, from); ok && (from != "" || !strings.HasPrefix(name, to)) {
			tables = append(tables, name)
		}
	}
	require.NoError(f.t, rows.Err())
	require.NoError(f.t, rows.Close())
	if to != "" {
		for _, name := range tables {
			exec("CREATE TABLE `%s%s` LIKE `%s`", to, name, name)
		}
	}
	exec("START TRANSACTION")
	for _, name := range tables {
		exec("DELETE FROM `%s%s`", to, name)
		//nolint:unqueryvet // a copy is of all columns, whatever they are
		exec("INSERT INTO `%s%s` SELECT * FROM `%s%s`", to, name, from, name)
	}
	exec("COMMIT")
}

// readersStalled opens two hundred streams that nobody reads.
func readersStalled(f *fleet) {
	const readers = 200
	for i := range readers {
		g := f.gateways[i%len(f.gateways)]
		conn, err := net.Dial("tcp", strings.TrimPrefix(g.URL, "http://"))
		require.NoError(f.t, err)
		f.t.Cleanup(func() { _ = conn.Close() })
		require.NoError(f.t, conn.(*net.TCPConn).SetReadBuffer(4096))
		_, err = fmt.Fprintf(conn, "GET /v1/stream?channel=%s HTTP/1.1\r\nHost: x\r\n\r\n", watched)
		require.NoError(f.t, err)
	}
	hold(some(10 * time.Second))
}

// anything breaks things at random, some of them at the same time.
func anything(f *fleet) {
	faults := []func(*fleet){
		gatewayKilled, notifierKilled, redisRestarted, subscribersKilled, primaryKilled, redisFrozen,
		gatewayRedisStalled, notifierRedisCut, gatewayPrimaryCut, notifierPrimaryCut, replicaBehind,
	}
	for end := time.Now().Add(*random); time.Now().Before(end); {
		faults[rand.IntN(len(faults))](f)
		hold(time.Duration(rand.IntN(1000)) * time.Millisecond)
	}
}
