// Package mysqldsn reads data source names of MySQL and MariaDB, and sets what whoever
// talks to one of them here relies on.
package mysqldsn

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"time"

	"github.com/go-sql-driver/mysql"
)

// Times of a connection, where the DSN says nothing of them.
const (
	dialTimeout = 2 * time.Second
	ioTimeout   = 10 * time.Second
)

// Parse reads a DSN, as go-sql-driver writes it. TLS, where it is set, is used whatever
// the DSN says of it, and the server has to prove the name that it is dialled by. The
// logger gets what the driver has to say. The result has a Params map, and is the
// caller's to change.
func Parse(dsn string, trust *tls.Config, logger *slog.Logger) (*mysql.Config, error) {
	if dsn == "" {
		return nil, errors.New("the DSN is empty")
	}
	cfg, err := mysql.ParseDSN(dsn)
	if err != nil {
		return nil, err
	}
	if cfg.DBName == "" {
		return nil, errors.New("the DSN names no database")
	}
	if trust != nil {
		cfg.TLS = trust.Clone() // the driver adds the server's name
	}
	cfg.InterpolateParams = true // one round trip for each statement
	cfg.ParseTime = true
	cfg.Loc = time.UTC
	cfg.Timeout = cmp.Or(cfg.Timeout, dialTimeout)
	cfg.ReadTimeout = cmp.Or(cfg.ReadTimeout, ioTimeout)
	cfg.WriteTimeout = cmp.Or(cfg.WriteTimeout, ioTimeout)
	cfg.Logger = driverLog{logger}
	params := map[string]string{
		"innodb_lock_wait_timeout": "3",
		"time_zone":                "'+00:00'",
		// Values that do not fit are refused, never cut.
		"sql_mode": "'STRICT_ALL_TABLES'",
	}
	if cfg.Params == nil {
		cfg.Params = make(map[string]string, len(params))
	}
	maps.Copy(cfg.Params, params)
	return cfg, nil
}

// driverLog takes what the driver has to say of single connections. It is worth
// a look only to who is looking for something: the errors themselves are
// returned to us.
type driverLog struct{ *slog.Logger }

func (l driverLog) Print(v ...any) { l.Debug("mysql driver", "message", fmt.Sprint(v...)) }
