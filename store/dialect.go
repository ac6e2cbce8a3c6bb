package store

import (
	"errors"
	"fmt"
	"strings"

	"github.com/go-sql-driver/mysql"
)

// dialect holds the little that differs between the databases. All other SQL in
// this package is understood by MySQL 8.4, MariaDB 10.6 and SQLite alike.
type dialect struct {
	begin        string // begins a transaction that writes
	batches      bool   // several statements may travel as one
	insertIgnore string
	forUpdate    string // locks the rows of a SELECT
	forShare     string
	byPrimaryKey string // follows the name of a table: no other way to its rows
	part         string // format of one part of a UNION that has a LIMIT of its own
	identity     string // of the server's log, an expression
	own          string // of the server alone, an expression
	refusal      string // why the server takes no writes, an expression; empty: it does
	now          string // milliseconds since 1970, an expression
	// quickLocks and usualLocks set how long the statements that follow wait
	// for a lock; empty where no two transactions write at the same time.
	quickLocks, usualLocks string
	// dirty has the next SELECT see what is not committed yet; empty: as above.
	dirty string

	classify func(error) fault
	goose    string
	folder   string // of migrations
}

// fault says what an error of the database means for who asked.
type fault int

const (
	faultAway     fault = iota // no answer, or none that says more
	faultRetry                 // a deadlock: nothing happened, once more may do
	faultLock                  // a lock did not come in time: the same
	faultReadOnly              // the server takes no writes
	faultSchema                // a table or column is not there
	faultDenied                // the account lacks a right
	faultInput                 // the values are at fault: once more will not do
)

// failed wraps an error of the database for the callers of this package.
func (d *dialect) failed(what string, err error) error {
	switch {
	case errors.Is(err, ErrUnavailable), errors.Is(err, ErrSchema):
		return err
	}
	switch d.classify(err) {
	case faultInput:
		return fmt.Errorf("%s: %w", what, err)
	case faultSchema:
		return fmt.Errorf("%s: %w: %w: %w", what, ErrSchema, ErrUnavailable, err)
	case faultDenied:
		return fmt.Errorf("%s: %w: %w: its account lacks a right: %w", what, ErrUnavailable, ErrUnfit, err)
	case faultReadOnly:
		return fmt.Errorf("%s: %w: %w: %w", what, ErrNotPrimary, ErrUnavailable, err)
	default:
		return fmt.Errorf("%s: %w: %w", what, ErrUnavailable, err)
	}
}

var mysqlDialect = &dialect{
	begin:        "START TRANSACTION",
	batches:      true,
	insertIgnore: "INSERT IGNORE INTO",
	forUpdate:    " FOR UPDATE",
	forShare:     " LOCK IN SHARE MODE",
	// Without it a small table is read from its beginning, which waits for the
	// locks of rows that nobody asked for.
	byPrimaryKey: " FORCE INDEX (PRIMARY)",
	part:         "(%s)",
	identity:     identityMark,
	own:          ownMark,
	refusal:      refusalMark,
	// UTC_TIMESTAMP does not depend on the time zone of the session.
	now:        "TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(3)) DIV 1000",
	quickLocks: "SET innodb_lock_wait_timeout = 1",
	usualLocks: "SET innodb_lock_wait_timeout = 3",
	dirty:      "SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED",
	classify:   classifyMySQL,
	goose:      "mysql",
	folder:     "migrations/mysql",
}

// Numbers of errors, from the reference of server error messages of MySQL;
// MariaDB has the same ones.
const (
	erDatabaseDenied     = 1044
	erBadDB              = 1049
	erBadField           = 1054
	erTableDenied        = 1142
	erColumnDenied       = 1143
	erNoSuchTable        = 1146
	erPacketTooLarge     = 1153
	erLockWaitTimeout    = 1205
	erLockDeadlock       = 1213
	erOptionPrevents     = 1290
	erReadOnlyTransact   = 1792
	erReadOnlyMode       = 1836
	erDataException      = "22" // classes of SQLSTATE
	erConstraintViolated = "23"
)

func classifyMySQL(err error) fault {
	var e *mysql.MySQLError
	if !errors.As(err, &e) {
		return faultAway
	}
	switch e.Number {
	case erLockDeadlock:
		return faultRetry
	case erLockWaitTimeout:
		return faultLock
	case erOptionPrevents, erReadOnlyTransact, erReadOnlyMode:
		return faultReadOnly
	case erNoSuchTable, erBadField, erBadDB:
		return faultSchema
	case erDatabaseDenied, erTableDenied, erColumnDenied:
		return faultDenied
	case erPacketTooLarge:
		return faultInput
	}
	state := string(e.SQLState[:])
	if strings.HasPrefix(state, erDataException) || strings.HasPrefix(state, erConstraintViolated) {
		return faultInput
	}
	return faultAway
}
