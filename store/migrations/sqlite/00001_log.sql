-- The same tables as in ../mysql, where the columns are explained.

-- +goose Up
CREATE TABLE meta (
    id       INTEGER PRIMARY KEY,
    epoch    TEXT NOT NULL,
    identity TEXT NOT NULL
);

INSERT INTO meta (id, epoch, identity) VALUES (1, '', '');

CREATE TABLE channels (
    hash       BLOB    NOT NULL PRIMARY KEY,
    name       TEXT    NOT NULL UNIQUE,
    head       INTEGER NOT NULL,
    floor      INTEGER NOT NULL,
    version    INTEGER NOT NULL,
    unread     INTEGER NOT NULL,
    read_up_to INTEGER NOT NULL
);

CREATE TABLE events (
    channel      BLOB    NOT NULL,
    seq          INTEGER NOT NULL,
    type         TEXT    NOT NULL,
    flags        INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    collapse_key BLOB    NOT NULL,
    data         BLOB    NOT NULL,
    PRIMARY KEY (channel, seq)
);

CREATE TABLE expiries (
    at      INTEGER NOT NULL,
    channel BLOB    NOT NULL,
    seq     INTEGER NOT NULL,
    PRIMARY KEY (at, channel, seq)
) WITHOUT ROWID;

CREATE TABLE idempotency_keys (
    id     BLOB    NOT NULL PRIMARY KEY,
    body   BLOB    NOT NULL,
    at     INTEGER NOT NULL,
    answer BLOB    NOT NULL
) WITHOUT ROWID;

CREATE INDEX idempotency_keys_at ON idempotency_keys (at);

-- AUTOINCREMENT: an id that was deleted is not given out again.
CREATE TABLE commits (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    token   BLOB    NOT NULL UNIQUE,
    at      INTEGER NOT NULL,
    changes BLOB    NOT NULL
);

CREATE TABLE tail (
    id  INTEGER PRIMARY KEY,
    low INTEGER NOT NULL
);

INSERT INTO tail (id, low) VALUES (1, 1);
