package relay

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/stretchr/testify/require"

	"github.com/bellhop/bellhop/auth"
	"github.com/bellhop/bellhop/internal/testkit/testenv"
	"github.com/bellhop/bellhop/notifier"
)

const (
	patience = 30 * time.Second
	tick     = 10 * time.Millisecond
	name     = "shop_outbox"
)

// fakeNotifier remembers what was published; with on set, that decides.
type fakeNotifier struct {
	on func(notifier.Outgoing) notifier.Receipt

	mu     sync.Mutex
	calls  int
	events []notifier.Outgoing
}

func (f *fakeNotifier) PublishInOrder(_ context.Context, _ auth.Service, events []notifier.Outgoing) []notifier.Receipt {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	receipts := make([]notifier.Receipt, len(events))
	for i, e := range events {
		if f.on != nil {
			receipts[i] = f.on(e)
		}
		if receipts[i].Err == nil {
			f.events = append(f.events, e)
		}
	}
	return receipts
}

func (f *fakeNotifier) published() []notifier.Outgoing {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]notifier.Outgoing(nil), f.events...)
}

// outbox is a database of a product with the tables of Schema.
type outbox struct {
	*sqlx.DB
	t       *testing.T
	cluster *testenv.Cluster
	dsn     string
}

func newOutbox(t *testing.T, engine testenv.Engine) *outbox {
	t.Helper()
	cluster := testenv.MySQL(t, engine)
	dsn := cluster.Primary.DSN(cluster.NewDatabase(t))
	db, err := sqlx.Open("mysql", dsn)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	o := &outbox{db, t, cluster, dsn}
	for statement := range strings.SplitSeq(strings.TrimSpace(Schema(name)), ";\n") {
		o.exec(strings.TrimSuffix(statement, ";"))
	}
	return o
}

func (o *outbox) exec(statement string, args ...any) {
	o.t.Helper()
	_, err := o.ExecContext(o.t.Context(), statement, args...)
	require.NoError(o.t, err, statement)
}

func (o *outbox) relay(to Publisher) *Relay {
	o.t.Helper()
	r, err := New(Config{DSN: o.dsn, Table: name, To: to, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(o.t, err)
	o.t.Cleanup(func() { require.NoError(o.t, r.Close()) })
	return r
}

// start runs a relay until the returned function is called or the test ends.
func (o *outbox) start(r *Relay) (stop func()) {
	o.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	stop = sync.OnceFunc(func() { cancel(); require.NoError(o.t, <-done) })
	o.t.Cleanup(stop)
	return stop
}

// onEngines runs a test on an outbox of every database server at hand.
func onEngines(t *testing.T, test func(t *testing.T, o *outbox)) {
	t.Helper()
	t.Parallel()
	for _, engine := range testenv.Engines() {
		t.Run(engine.Name, func(t *testing.T) {
			t.Parallel()
			test(t, newOutbox(t, engine))
		})
	}
}

// TestRowsBecomeEvents in all the forms that a row can have.
func TestRowsBecomeEvents(t *testing.T) {
	onEngines(t, func(t *testing.T, o *outbox) {
		t.Helper()
		data := `{"text":"` + strings.Repeat("😀", 100_000) + `","n":12345678901234567890}`
		o.exec("INSERT INTO "+name+" (users, type, data) VALUES ('Jane Doe', 'comment', ?)", data)
		o.exec("INSERT INTO " + name + ` (channels, users, type, data) VALUES (' ["room:7","room:8"]', '["42","[x]"]', 'comment', '1')`)
		o.exec("INSERT INTO " + name + ` (channels, type, data, idempotency_key, collapse_key, expires_at) VALUES ('room:7', 'like', 'null', 'mine', 'k', '2031-02-03 04:05:06.789')`)
		to := new(fakeNotifier)
		o.start(o.relay(to))
		require.Eventually(t, func() bool { return len(to.published()) == 3 }, patience, tick)
		events := to.published()
		require.JSONEq(t, `["Jane Doe"]`, string(events[0].Users))
		require.Nil(t, events[0].Channels)
		require.Equal(t, data, string(events[0].Data))
		require.JSONEq(t, `["room:7","room:8"]`, string(events[1].Channels))
		require.JSONEq(t, `["42","[x]"]`, string(events[1].Users))
		require.NotEqual(t, events[0].Key, events[1].Key)
		require.Equal(t, "mine", events[2].Key)
		require.Equal(t, "k", events[2].CollapseKey)
		require.Equal(t, 789*time.Millisecond, time.Duration(events[2].ExpiresAt.Nanosecond()))
		require.Eventually(t, func() bool { return o.left() == 0 }, patience, tick)
	})
}

func (o *outbox) left() (n int) {
	o.t.Helper()
	require.NoError(o.t, o.GetContext(o.t.Context(), &n, "SELECT COUNT(*) FROM "+name))
	return n
}

// TestRefusedRowIsParkedAndBlocksNobody: it stays with its reason, and is published once
// it is mended. So does one that the log does not take, after some tries.
func TestRefusedRowIsParkedAndBlocksNobody(t *testing.T) {
	onEngines(t, func(t *testing.T, o *outbox) {
		t.Helper()
		reason := strings.Repeat("ü", 2*maxReason)
		to := &fakeNotifier{on: func(e notifier.Outgoing) (r notifier.Receipt) {
			switch e.Type {
			case "bad":
				r = notifier.Receipt{Err: errors.New(reason), Refused: true}
			case "odd":
				r = notifier.Receipt{Err: errors.New("odd values"), Unfit: true}
			}
			return r
		}}
		for _, typ := range []string{"good", "bad", "odd", "good"} {
			o.exec("INSERT INTO "+name+" (users, type, data) VALUES ('1', ?, '1')", typ)
		}
		r := o.relay(to)
		o.start(r)
		require.Eventually(t, func() bool { return testutil.ToFloat64(r.metrics.parked) == 2 }, patience, tick)
		require.Len(t, to.published(), 2)
		var refused []string
		require.NoError(t, o.SelectContext(t.Context(), &refused, "SELECT refused FROM "+name+" WHERE refused_at IS NOT NULL ORDER BY id"))
		require.Equal(t, []string{strings.Repeat("ü", maxReason-1) + "…", "odd values"}, refused)
		o.exec("UPDATE " + name + " SET type = 'mended', refused_at = NULL, refused = NULL WHERE refused IS NOT NULL")
		require.Eventually(t, func() bool { return len(to.published()) == 4 && o.left() == 0 }, patience, tick)
		require.Eventually(t, func() bool { return testutil.ToFloat64(r.metrics.parked) == 0 }, patience, tick)
		require.Empty(t, r.Doubt())
	})
}

// TestReadIsBoundByBytes as well as by rows; a single row may be larger.
func TestReadIsBoundByBytes(t *testing.T) {
	onEngines(t, func(t *testing.T, o *outbox) {
		t.Helper()
		for range 3 {
			o.exec("INSERT INTO "+name+" (users, type, data) VALUES ('1', 'x', ?)", strings.Repeat("1", batchBytes/2+1))
		}
		table := o.relay(nil).table
		w, err := table.oldest(t.Context())
		require.NoError(t, err)
		require.Len(t, w.rows, 1)
		require.True(t, w.more)
		o.exec("UPDATE "+name+" SET data = ? WHERE id = ?", strings.Repeat("1", batchBytes+1), w.rows[0].ID)
		w, err = table.oldest(t.Context())
		require.NoError(t, err)
		require.Len(t, w.rows, 1)
		o.exec("DELETE FROM " + name)
		o.exec("INSERT INTO " + name + " (users, type, data) VALUES ('1', 'x', '1')" + strings.Repeat(", ('1', 'x', '1')", batchRows))
		w, err = table.oldest(t.Context())
		require.NoError(t, err)
		require.Len(t, w.rows, batchRows)
		require.True(t, w.more)
	})
}

// TestKeyIsTheRowsOwn: a table that was emptied and gives its ids again has other keys.
func TestKeyIsTheRowsOwn(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 6_000_000, time.UTC)
	key := func(life string, id int64, at time.Time) string {
		r := row{ID: id, CreatedAt: at}
		return r.event(life).Key
	}
	mine := key("a", 1, at)
	require.Equal(t, mine, key("a", 1, at))
	for _, other := range []string{key("b", 1, at), key("a", 2, at), key("a", 1, at.Add(time.Millisecond))} {
		require.NotEqual(t, mine, other)
	}
}

// TestAnotherRelayTakesOver at once where one ends in order, and after its lease where it
// just falls silent. Meanwhile the other publishes nothing.
func TestAnotherRelayTakesOver(t *testing.T) {
	onEngines(t, func(t *testing.T, o *outbox) {
		t.Helper()
		var to [3]fakeNotifier
		first := o.relay(&to[0])
		stop := o.start(first)
		require.Eventually(t, func() bool { _, held := first.lease.held(); return held }, patience, tick)
		second := o.relay(&to[1])
		stopSecond := o.start(second)
		require.Eventually(t, func() bool { other, _ := second.lease.state(); return other }, patience, tick)
		require.Eventually(t, func() bool { return second.metrics.seconds() == 0 }, patience, tick)
		o.exec("INSERT INTO " + name + " (users, type, data) VALUES ('1', 'x', '1')")
		require.Eventually(t, func() bool { return o.left() == 0 }, patience, tick)
		require.Len(t, to[0].published(), 1)
		stop()
		require.Eventually(t, func() bool { _, held := second.lease.held(); return held }, patience, tick)
		stopSecond()
		// One that fell silent.
		silent := o.relay(nil)
		silent.lease.take(t.Context())
		_, held := silent.lease.held()
		require.True(t, held)
		o.start(o.relay(&to[2]))
		o.exec("INSERT INTO " + name + " (users, type, data) VALUES ('1', 'x', '1')")
		require.Eventually(t, func() bool { return o.left() == 0 }, patience, tick)
		require.Len(t, to[2].published(), 1)
		_, held = silent.lease.held()
		require.False(t, held, "it has stopped by its own clock")
	})
}

// TestUnfitOutboxIsNamed: the first look ends the start with one sentence.
func TestUnfitOutboxIsNamed(t *testing.T) {
	onEngines(t, func(t *testing.T, o *outbox) {
		t.Helper()
		refuses := func(dsn, says string) {
			t.Helper()
			r, err := New(Config{DSN: dsn, Table: name, To: new(fakeNotifier), Logger: slog.New(slog.DiscardHandler)})
			require.NoError(t, err)
			defer r.Close()
			err = r.Run(t.Context())
			require.ErrorIs(t, err, ErrUnfit)
			require.ErrorContains(t, err, says)
		}
		cfg, err := mysql.ParseDSN(o.dsn)
		require.NoError(t, err)
		lacking := cfg.Clone()
		lacking.User, lacking.Passwd = strings.ToLower(cfg.DBName[len(cfg.DBName)-10:]), "secret"
		for _, grant := range []string{"CREATE USER %[1]s@'%%' IDENTIFIED BY 'secret'", "GRANT SELECT, INSERT, UPDATE ON %[2]s.* TO %[1]s@'%%'"} {
			o.cluster.Primary.Exec(t, fmt.Sprintf(grant, lacking.User, cfg.DBName))
		}
		refuses(lacking.FormatDSN(), "DELETE command denied")
		lacking.Passwd = "wrong"
		refuses(lacking.FormatDSN(), "Access denied")
		o.exec("ALTER TABLE " + name + " ENGINE = MyISAM")
		refuses(o.dsn, "not an InnoDB table")
		o.exec("ALTER TABLE " + name + " ENGINE = InnoDB, DROP COLUMN collapse_key")
		refuses(o.dsn, "is not as notifier relay schema makes it")
		o.exec("DROP TABLE " + controlTable(name))
		o.exec("DROP TABLE " + name)
		refuses(o.dsn, "make it with the statements of notifier relay schema")
		require.ErrorContains(t, CheckTable("x; DROP TABLE y"), "letters, digits and _")
		require.Error(t, CheckTable(strings.Repeat("x", maxTable+1)))
	})
}

// TestOutboxThatGoesAwayIsWaitedFor, and meanwhile the relay says so and its lag grows.
func TestOutboxThatGoesAwayIsWaitedFor(t *testing.T) {
	onEngines(t, func(t *testing.T, o *outbox) {
		t.Helper()
		to := new(fakeNotifier)
		r := o.relay(to)
		o.start(r)
		require.Eventually(t, func() bool { _, held := r.lease.held(); return held }, patience, tick)
		o.exec("RENAME TABLE " + name + " TO elsewhere")
		require.Eventually(t, func() bool { return strings.Contains(r.Doubt(), "relay schema") }, patience, tick)
		lag := r.metrics.seconds()
		require.Eventually(t, func() bool { return r.metrics.seconds() > lag }, patience, tick)
		o.exec("RENAME TABLE elsewhere TO " + name)
		o.exec("INSERT INTO " + name + " (users, type, data) VALUES ('1', 'x', '1')")
		require.Eventually(t, func() bool { return len(to.published()) == 1 && r.Doubt() == "" }, patience, tick)
	})
}

// TestWhatHasToWaitIsTriedAgain in its order, with what failed first.
func TestWhatHasToWaitIsTriedAgain(t *testing.T) {
	onEngines(t, func(t *testing.T, o *outbox) {
		t.Helper()
		failures := 2
		to := &fakeNotifier{on: func(e notifier.Outgoing) (r notifier.Receipt) {
			if e.Type == "second" && failures > 0 {
				failures--
				r.Err = errors.New("not now")
			}
			return r
		}}
		for _, typ := range []string{"first", "second"} {
			o.exec("INSERT INTO "+name+" (users, type, data) VALUES ('1', ?, '1')", typ)
		}
		o.start(o.relay(to))
		require.Eventually(t, func() bool { return o.left() == 0 }, patience, tick)
		events := to.published()
		require.Len(t, events, 2)
		require.Equal(t, "second", events[1].Type)
		require.Equal(t, 3, to.calls)
	})
}
