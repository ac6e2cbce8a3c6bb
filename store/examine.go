package store

import (
	"context"
	"slices"
	"time"
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
	rows, err := s.QueryContext(ctx, "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('innodb_flush_log_at_trx_commit', 'sync_binlog', 'log_bin', 'max_allowed_packet')")
	if err != nil {
		e.Err = err
		return e
	}
	defer rows.Close()
	for rows.Next() {
		var name, value string
		if e.Err = rows.Scan(&name, &value); e.Err != nil {
			return e
		}
		e.Variables[name] = value
	}
	if e.Err = rows.Err(); e.Err != nil {
		return e
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
	const newest = "SELECT COALESCE(MAX(id), 0) FROM commits"
	var want, has uint64
	if err := d.primary.GetContext(ctx, &want, newest); err != nil {
		return 0, err
	}
	began := time.Now()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if err := replica.GetContext(ctx, &has, newest); err != nil {
			return 0, err
		}
		if late := time.Since(began); has >= want || late > MostBehind {
			return late, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}
