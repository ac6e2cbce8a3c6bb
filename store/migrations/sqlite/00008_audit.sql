-- The same table as in ../mysql, where the columns are explained.

-- +goose Up
CREATE TABLE IF NOT EXISTS audit (
    id         INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    at         INTEGER NOT NULL,
    token      BLOB    NOT NULL,
    operation  TEXT    NOT NULL,
    about      TEXT    NOT NULL,
    service    TEXT    NOT NULL,
    remote     TEXT    NOT NULL,
    status     INTEGER NOT NULL,
    request_id TEXT    NOT NULL
);

CREATE UNIQUE INDEX IF NOT EXISTS audit_at ON audit (at, token);
