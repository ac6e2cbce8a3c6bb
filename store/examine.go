package store

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/bellhop/bellhop/internal/wait"
)

// Examination is what a server of the log was found to be.
type Examination struct {
	Server  string // host:port
	Replica bool
	// Err says why it could not be asked; ErrUnfit: it can't hold the log. Nothing else
	// is known then.
	Err error
	// Unready says why the log can't be written there (of a replica: read).
	Unready error
	Version string
	// Ahead is by how much its clock differs from ours, give or take half of RoundTrip.
	Ahead, RoundTrip time.Duration
	// Variables are its global ones on which it depends what a crash costs.
	Variables map[string]string
	// Denied are the rights that the account lacks in some table.
	Denied []string
	// Behind is how long a replica took to have what the primary had; above MostBehind it
	// was not waited for. Zero: not known, or of a primary.
	Behind time.Duration
}

// MostBehind is how long Examine waits for a replica.
const MostBehind = 3 * time.Second

// Examine asks every server of the log what it is, the primary first, and tries what the
// account may do; nothing is changed. It is for MySQL and MariaDB.
func (d *DB) Examine(ctx context.Context) []Examination {
	primary := d.examine(ctx, d.primary, writeRights)
	if primary.Err == nil {
		primary.Unready = d.Ready(ctx)
	}
	all := []Examination{primary}
	for _, r := range d.replicas.all {
		e := d.examine(ctx, r.server, readRights)
		if e.Replica = true; e.Err == nil {
			e.Unready = d.checkSchema(ctx, r.server)
		}
		if e.Err == nil && e.Unready == nil && primary.Err == nil && primary.Unready == nil {
			e.Behind, e.Unready = d.behind(ctx, r.server)
		}
		all = append(all, e)
	}
	return all
}

func (d *DB) examine(ctx context.Context, s *server, rights []right) Examination {
	ctx, cancel := context.WithTimeout(ctx, readTimeout)
	defer cancel()
	e := Examination{Server: s.name, Variables: map[string]string{}}
	if e.Err = s.PingContext(ctx); e.Err != nil { // connects, which takes longer than a question
		return e
	}
	asked := time.Now()
	var micros int64
	if e.Err = s.QueryRowContext(ctx, "SELECT VERSION(), CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS SIGNED)").Scan(&e.Version, &micros); e.Err != nil {
		return e
	}
	e.RoundTrip = time.Since(asked)
	e.Ahead = time.UnixMicro(micros).Sub(asked.Add(e.RoundTrip / 2))
	var variables []struct {
		Name  string `db:"Variable_name"`
		Value string `db:"Value"`
	}
	if e.Err = s.SelectContext(ctx, &variables, "SHOW GLOBAL VARIABLES WHERE Variable_name IN"+
		" ('innodb_flush_log_at_trx_commit', 'sync_binlog', 'log_bin', 'max_allowed_packet')"); e.Err != nil {
		return e
	}
	for _, v := range variables {
		e.Variables[v.Name] = v.Value
	}
	for refused := range d.denied(ctx, s, rights) {
		if !slices.Contains(e.Denied, refused.right) {
			e.Denied = append(e.Denied, refused.right)
		}
	}
	return e
}

// behind is how long a replica takes to have the primary's newest commit.
func (d *DB) behind(ctx context.Context, replica *server) (time.Duration, error) {
	want, err := newest(ctx, d.primary)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	for {
		has, err := newest(ctx, replica)
		if err != nil {
			return 0, err
		}
		if late := time.Since(began); has.ID >= want.ID || late > MostBehind {
			return late, nil
		}
		if !wait.For(ctx, 10*time.Millisecond) {
			return 0, ctx.Err()
		}
	}
}

// tables are those that programs read and write, each with a column of its own.
var tables = map[string]string{
	"audit": "id", "channels": "hash", "collapses": "channel", "commits": "id",
	"escalation_calls": "id", "escalations": "at", "events": "channel", "expiries": "at", "idempotency_keys": "id", "meta": "id", "read_exceptions": "channel", "revocations": "subject",
	"seen_marks": "channel", "tail": "id",
}

// right is what an account has to be allowed, and a statement that needs it and touches
// no row: %[1]s is a table, %[2]s a column of it.
type right struct{ name, statement string }

var (
	readRights  = []right{{"SELECT", "SELECT %[2]s FROM %[1]s WHERE 1 = 0"}}
	writeRights = append(slices.Clone(readRights),
		right{"UPDATE", "UPDATE %[1]s SET %[2]s = %[2]s WHERE 1 = 0"},
		right{"DELETE", "DELETE FROM %[1]s WHERE 1 = 0"},
		right{"INSERT", "INSERT INTO %[1]s (%[2]s) SELECT %[2]s FROM %[1]s WHERE 1 = 0"})
)

// CheckRights fails with ErrUnfit if the account may not SELECT, INSERT, UPDATE or DELETE in
// all tables, and names the first that it may not. It tries each in a way that touches no
// row. Nothing is said of tables that are not there yet, nor by a server that is away.
func (d *DB) CheckRights(ctx context.Context) error {
	if d.primary.conn == nil {
		return nil // a file has no accounts
	}
	ctx, cancel := context.WithTimeout(ctx, writeBudget)
	defer cancel()
	for refused := range d.denied(ctx, d.primary, writeRights) {
		return refused.err
	}
	return nil
}

// refusal is a right that the account lacks in a table, and an error that wraps ErrUnfit
// and has the server's sentence.
type refusal struct {
	right string
	err   error
}

// denied tries rights in all tables, and yields those that are refused. It ends with ctx.
func (d *DB) denied(ctx context.Context, s *server, rights []right) iter.Seq[refusal] {
	return func(yield func(refusal) bool) {
		for _, table := range slices.Sorted(maps.Keys(tables)) {
			for _, r := range rights {
				_, err := s.ExecContext(ctx, fmt.Sprintf(r.statement, table, tables[table]))
				if err == nil {
					continue
				}
				if err := d.dialect.failed("try the account's rights", err); errors.Is(err, ErrUnfit) && !yield(refusal{r.name, err}) || ctx.Err() != nil {
					return
				}
			}
		}
	}
}
