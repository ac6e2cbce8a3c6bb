-- The same tables as in ../mysql, where the columns are explained.

-- +goose Up
CREATE TABLE read_exceptions (
    channel BLOB    NOT NULL,
    seq     INTEGER NOT NULL,
    PRIMARY KEY (channel, seq)
) WITHOUT ROWID;

CREATE TABLE collapses (
    channel      BLOB    NOT NULL,
    collapse_key BLOB    NOT NULL,
    seq          INTEGER NOT NULL,
    PRIMARY KEY (channel, collapse_key)
) WITHOUT ROWID;

INSERT INTO read_exceptions (channel, seq)
    SELECT e.channel, e.seq FROM channels c JOIN events e ON e.channel = c.hash
    WHERE e.flags & 1 <> 0 AND e.seq > c.floor AND e.seq > c.read_up_to;

INSERT INTO collapses (channel, collapse_key, seq)
    SELECT channel, collapse_key, MAX(seq) FROM events WHERE length(collapse_key) > 0 GROUP BY channel, collapse_key;
