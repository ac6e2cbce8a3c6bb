package relay

import (
	"context"
	"crypto/tls"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jmoiron/sqlx"

	"github.com/bellhop/bellhop/internal/mysqldsn"
)

// Times of a question and of a connection.
const (
	questionTimeout = 10 * time.Second
	connMaxLifetime = 60 * time.Second
	// poolSize is one connection for the rows and one for the lease.
	poolSize = 2
)

// open returns a pool on the product's database, with what this package relies on. It
// does not connect yet.
func open(dsn string, trust *tls.Config, logger *slog.Logger) (*sqlx.DB, error) {
	cfg, err := mysqldsn.Parse(dsn, trust, logger)
	if err != nil {
		return nil, err
	}
	cfg.ClientFoundRows = true // an UPDATE that changes nothing found its row all the same
	cfg.RejectReadOnly = true  // after a fail-over the address may lead elsewhere: connect anew
	c, err := mysql.NewConnector(cfg)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(c)
	db.SetMaxOpenConns(poolSize)
	db.SetMaxIdleConns(poolSize)
	db.SetConnMaxLifetime(connMaxLifetime)
	return sqlx.NewDb(db, "mysql"), nil
}

// ErrUnfit says that the outbox can't be relayed, and that waiting will not change it.
var ErrUnfit = errors.New("the outbox can't be relayed")

// Numbers of errors that waiting does not mend.
const (
	erDatabaseDenied = 1044
	erAccessDenied   = 1045
	erBadDB          = 1049
	erBadField       = 1054
	erTableDenied    = 1142
	erColumnDenied   = 1143
	erNoSuchTable    = 1146
	erNotUpdatable   = 1288
)

// unfit wraps an error that waiting does not mend in ErrUnfit, in words for an operator.
func unfit(table string, err error) error {
	var e *mysql.MySQLError
	if !errors.As(err, &e) {
		return err
	}
	switch e.Number {
	case erNoSuchTable:
		return fmt.Errorf("%w: %s: make it with the statements of notifier relay schema", ErrUnfit, e.Message)
	case erBadField:
		return fmt.Errorf("%w: the table %s is not as notifier relay schema makes it: %s", ErrUnfit, table, e.Message)
	case erDatabaseDenied, erAccessDenied, erTableDenied, erColumnDenied, erBadDB, erNotUpdatable:
		return fmt.Errorf("%w: %s", ErrUnfit, e.Message)
	}
	return err
}

// examine tries all that will be asked of the tables, in a way that touches no row. Its
// error wraps ErrUnfit if waiting does not mend it.
func (t *table) examine(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, questionTimeout)
	defer cancel()
	control := controlTable(t.name)
	for _, q := range []struct{ table, statement string }{
		{t.name, "SELECT " + columns + ", refused FROM " + t.name + " WHERE 1 = 0"},
		{t.name, "UPDATE " + t.name + " SET refused_at = refused_at, refused = refused WHERE 1 = 0"},
		{t.name, "DELETE FROM " + t.name + " WHERE 1 = 0"},
		{control, "SELECT id, life, holder, until FROM " + control + " WHERE 1 = 0"},
		{control, "UPDATE " + control + " SET holder = holder WHERE 1 = 0"},
		{control, "INSERT INTO " + control + " (id, life, holder) SELECT id, life, holder FROM " + control + " WHERE 1 = 0"},
	} {
		if _, err := t.db.ExecContext(ctx, q.statement); err != nil {
			return unfit(q.table, err)
		}
	}
	var engine sql.NullString
	if err := t.db.GetContext(ctx, &engine, "SELECT engine AS engine FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = ?", t.name); err != nil {
		return err
	}
	if !strings.EqualFold(engine.String, "InnoDB") {
		return fmt.Errorf("%w: the table %s is not an InnoDB table, so its rows would not be rolled back with your transactions", ErrUnfit, t.name)
	}
	return nil
}
