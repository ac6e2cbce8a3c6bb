package relay

import (
	"context"
	"crypto/rand"
	"database/sql"
	"log/slog"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"
)

const (
	// leaseLife is for how long a relay may be at work without asking again. Another one
	// takes over by a second after that.
	leaseLife = 3 * time.Second
	// leaseBeat is how often it asks, and how often the others do.
	leaseBeat = time.Second
	// leaseAnswer bounds each question: an answer that comes later is worth nothing.
	leaseAnswer = 2 * time.Second
)

// lease says which one of the relays is at work. Two may be for a moment, where one of
// them hangs: the rows' keys see to it that nothing is written twice. The database's
// clock decides when a lease ends, the relay's own one when it stops before.
type lease struct {
	db     *sqlx.DB
	table  string
	holder string
	log    *slog.Logger

	mu    sync.Mutex // guards what follows
	life  string     // of the outbox, while the lease was got
	until time.Time  // by our clock; zero: never got, or lost
	other bool       // somebody else has it, as was last heard
	err   error      // of the last question
}

func newLease(db *sqlx.DB, table string, log *slog.Logger) *lease {
	return &lease{db: db, table: controlTable(table), holder: rand.Text(), log: log}
}

// held tells whether this relay is the one, and the life of the outbox.
func (l *lease) held() (life string, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.life, time.Now().Before(l.until)
}

// state is what was last heard.
func (l *lease) state() (other bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.other, l.err
}

// keep asks for the lease until ctx ends, and gives it back then.
func (l *lease) keep(ctx context.Context) {
	ticks := time.NewTicker(leaseBeat)
	defer ticks.Stop()
	for {
		l.take(ctx)
		select {
		case <-ticks.C:
		case <-ctx.Done():
			return
		}
	}
}

// take asks once.
func (l *lease) take(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, leaseAnswer)
	defer cancel()
	asked := time.Now()
	life, got, err := l.ask(ctx)
	l.mu.Lock()
	defer l.mu.Unlock()
	had := asked.Before(l.until)
	l.err = err
	switch {
	case err != nil: // what we have lasts until its end
		return
	case got:
		l.life, l.until, l.other = life, asked.Add(leaseLife), false
	default:
		l.until, l.other = time.Time{}, true
	}
	if got != had {
		l.log.Info(map[bool]string{true: "relaying the outbox", false: "another relay is at work"}[got], "table", l.table)
	}
}

func (l *lease) ask(ctx context.Context) (life string, got bool, err error) {
	found, err := l.extend(ctx)
	if err == nil && found == 0 {
		var made sql.Result // whose holder is nobody yet
		made, err = l.db.ExecContext(ctx, "INSERT IGNORE INTO "+l.table+" (id, life, holder) VALUES (1, ?, '')", rand.Text())
		if err != nil {
			return "", false, err
		}
		if n, _ := made.RowsAffected(); n > 0 { // the driver always knows
			found, err = l.extend(ctx)
		}
	}
	if err != nil || found == 0 {
		return "", false, err
	}
	err = l.db.GetContext(ctx, &life, "SELECT life FROM "+l.table+" WHERE id = 1")
	return life, err == nil, err
}

// extend writes the lease to us, unless it is somebody else's. NOW is that of the
// statement, so that nobody can take it between its two parts.
func (l *lease) extend(ctx context.Context) (found int64, err error) {
	result, err := l.db.ExecContext(ctx, "UPDATE "+l.table+" SET holder = ?, until = NOW(3) + INTERVAL ? SECOND WHERE id = 1 AND (holder = ? OR until IS NULL OR until < NOW(3))",
		l.holder, int(leaseLife/time.Second), l.holder)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// giveBack lets another relay begin at once.
func (l *lease) giveBack(ctx context.Context) error {
	l.mu.Lock()
	l.until = time.Time{}
	l.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, leaseAnswer)
	defer cancel()
	_, err := l.db.ExecContext(ctx, "UPDATE "+l.table+" SET until = NULL WHERE id = 1 AND holder = ?", l.holder)
	return err
}
