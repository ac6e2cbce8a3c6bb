-- +goose Up
CREATE TABLE revocations (
    subject TEXT    NOT NULL PRIMARY KEY,
    at      INTEGER NOT NULL
) WITHOUT ROWID;

CREATE INDEX revocations_at ON revocations (at);
