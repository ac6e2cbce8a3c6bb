-- +goose Up
ALTER TABLE events MODIFY flags TINYINT UNSIGNED NOT NULL COMMENT '1 deleted, 4 replaced in lists by a newer event of its collapse key';

-- Small beside events, so that counts need not look at those.
CREATE TABLE IF NOT EXISTS read_exceptions (
    channel BINARY(16) NOT NULL,
    seq     BIGINT     NOT NULL COMMENT 'above channels.read_up_to: does not count as unread; up to it: does',
    PRIMARY KEY (channel, seq)
) ENGINE = InnoDB DEFAULT CHARACTER SET ascii COLLATE ascii_bin;

CREATE TABLE IF NOT EXISTS collapses (
    channel      BINARY(16)     NOT NULL,
    collapse_key VARBINARY(255) NOT NULL,
    seq          BIGINT         NOT NULL COMMENT 'the newest event of that key',
    PRIMARY KEY (channel, collapse_key)
) ENGINE = InnoDB DEFAULT CHARACTER SET ascii COLLATE ascii_bin;

INSERT IGNORE INTO read_exceptions (channel, seq)
    SELECT e.channel, e.seq FROM channels c JOIN events e ON e.channel = c.hash
    WHERE e.flags & 1 <> 0 AND e.seq > c.floor AND e.seq > c.read_up_to;

INSERT IGNORE INTO collapses (channel, collapse_key, seq)
    SELECT channel, collapse_key, MAX(seq) FROM events WHERE collapse_key <> '' GROUP BY channel, collapse_key;
