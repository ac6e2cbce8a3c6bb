-- MySQL commits every DDL statement by itself: IF NOT EXISTS lets a migration
-- that was cut off half-way run again.

-- +goose Up
CREATE TABLE IF NOT EXISTS meta (
    id       TINYINT UNSIGNED NOT NULL PRIMARY KEY COMMENT 'always 1',
    epoch    VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'the current life of the log',
    identity VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'the primary that the epoch belongs to'
) ENGINE = InnoDB DEFAULT CHARACTER SET ascii COLLATE ascii_bin;

INSERT IGNORE INTO meta (id, epoch, identity) VALUES (1, '', '');

CREATE TABLE IF NOT EXISTS channels (
    hash       BINARY(16)   NOT NULL PRIMARY KEY COMMENT 'SHA-256 of the name, cut',
    name       VARCHAR(129) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    head       BIGINT NOT NULL COMMENT 'the newest seq',
    floor      BIGINT NOT NULL COMMENT 'the newest seq that retention has taken away',
    version    BIGINT NOT NULL COMMENT 'changes with everything that happens to the channel',
    unread     BIGINT NOT NULL,
    read_up_to BIGINT NOT NULL,
    UNIQUE KEY name (name)
) ENGINE = InnoDB DEFAULT CHARACTER SET ascii COLLATE ascii_bin;

CREATE TABLE IF NOT EXISTS events (
    channel      BINARY(16)  NOT NULL COMMENT 'channels.hash',
    seq          BIGINT      NOT NULL,
    type         VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    flags        TINYINT UNSIGNED NOT NULL COMMENT '1 deleted, 2 read',
    created_at   BIGINT      NOT NULL COMMENT 'milliseconds since 1970, UTC',
    expires_at   BIGINT      NOT NULL COMMENT 'the same; 0 never',
    collapse_key VARBINARY(255) NOT NULL,
    data         MEDIUMBLOB  NOT NULL COMMENT 'JSON, byte for byte as it was sent',
    PRIMARY KEY (channel, seq)
) ENGINE = InnoDB DEFAULT CHARACTER SET ascii COLLATE ascii_bin;

CREATE TABLE IF NOT EXISTS expiries (
    at      BIGINT     NOT NULL COMMENT 'events.expires_at',
    channel BINARY(16) NOT NULL,
    seq     BIGINT     NOT NULL,
    PRIMARY KEY (at, channel, seq)
) ENGINE = InnoDB DEFAULT CHARACTER SET ascii COLLATE ascii_bin;

CREATE TABLE IF NOT EXISTS idempotency_keys (
    id     BINARY(32) NOT NULL PRIMARY KEY COMMENT 'SHA-256 of service and key',
    body   BINARY(32) NOT NULL COMMENT 'SHA-256 of the request',
    at     BIGINT     NOT NULL COMMENT 'milliseconds since 1970, UTC',
    answer BLOB       NOT NULL COMMENT 'time and seqs that were answered',
    KEY at (at)
) ENGINE = InnoDB DEFAULT CHARACTER SET ascii COLLATE ascii_bin;

CREATE TABLE IF NOT EXISTS commits (
    id      BIGINT     NOT NULL AUTO_INCREMENT PRIMARY KEY,
    token   BINARY(16) NOT NULL,
    at      BIGINT     NOT NULL COMMENT 'milliseconds since 1970, UTC',
    changes MEDIUMBLOB NOT NULL COMMENT 'channels with their new heads, packed',
    UNIQUE KEY token (token)
) ENGINE = InnoDB DEFAULT CHARACTER SET ascii COLLATE ascii_bin;

-- Not a column of meta: every append holds a lock on meta's row.
CREATE TABLE IF NOT EXISTS tail (
    id  TINYINT UNSIGNED NOT NULL PRIMARY KEY COMMENT 'always 1',
    low BIGINT NOT NULL COMMENT 'rows of commits with lower ids may be gone'
) ENGINE = InnoDB DEFAULT CHARACTER SET ascii COLLATE ascii_bin;

INSERT IGNORE INTO tail (id, low) VALUES (1, 1);
