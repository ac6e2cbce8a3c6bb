package store

import (
	"errors"
	"strings"

	"github.com/go-sql-driver/mysql"
)

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
