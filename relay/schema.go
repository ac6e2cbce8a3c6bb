package relay

import (
	"fmt"
	"regexp"
)

// maxTable leaves room for the name of the second table.
const maxTable = 58

var tableName = regexp.MustCompile(`^[A-Za-z0-9_]{1,58}$`)

// CheckTable refuses what can't be the name of an outbox.
func CheckTable(name string) error {
	if !tableName.MatchString(name) {
		return fmt.Errorf("%q: want 1 to %d letters, digits and _", name, maxTable)
	}
	return nil
}

// Schema is the statements that make an outbox of a name that CheckTable takes, and the
// table beside it in which relays agree who of them is at work.
func Schema(table string) string {
	return fmt.Sprintf(schema, table, controlTable(table))
}

// controlTable is the name of the table beside an outbox.
func controlTable(table string) string { return table + "_relay" }

// The index serves the reads: rows that were refused stay, and must not be passed each
// time. Times are TIMESTAMP, so that NOW() is right in every session's time zone.
const schema = `CREATE TABLE %[1]s (
    id              BIGINT PRIMARY KEY AUTO_INCREMENT,
    channels        MEDIUMTEXT,            -- one channel, or a JSON array of them
    users           MEDIUMTEXT,            -- one person's id, or a JSON array of them
    type            VARCHAR(64) NOT NULL,
    data            MEDIUMTEXT NOT NULL,   -- JSON
    idempotency_key VARCHAR(255),          -- NULL: the row's own
    collapse_key    VARCHAR(128),
    expires_at      TIMESTAMP(3) NULL,
    created_at      TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
    refused_at      TIMESTAMP(3) NULL,     -- set by the relay, with the reason: fix the row and set both to NULL
    refused         VARCHAR(1000),
    KEY waiting (refused_at, id)
) ENGINE=InnoDB CHARACTER SET utf8mb4;

CREATE TABLE %[2]s (
    id     INT PRIMARY KEY,
    life   VARCHAR(64) NOT NULL,           -- part of the rows' idempotency keys
    holder VARCHAR(64) NOT NULL,           -- the relay that is at work
    until  TIMESTAMP(3) NULL
) ENGINE=InnoDB CHARACTER SET utf8mb4;
`
