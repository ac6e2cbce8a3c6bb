-- The same tables as in ../mysql, where the columns are explained.

-- +goose Up
CREATE TABLE IF NOT EXISTS escalations (
    at      INTEGER NOT NULL,
    channel BLOB    NOT NULL,
    target  TEXT    NOT NULL,
    seq     INTEGER NOT NULL,
    unless  INTEGER NOT NULL,
    PRIMARY KEY (at, channel, target, seq)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS escalation_calls (
    id      BLOB    NOT NULL PRIMARY KEY,
    target  TEXT    NOT NULL,
    at      INTEGER NOT NULL,
    made    INTEGER NOT NULL,
    channel BLOB    NOT NULL,
    tries   INTEGER NOT NULL,
    events  BLOB    NOT NULL,
    error   TEXT    NOT NULL
) WITHOUT ROWID;

CREATE INDEX IF NOT EXISTS escalation_calls_due ON escalation_calls (target, at, made);
