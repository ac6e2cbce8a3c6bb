-- +goose Up
-- A table of its own: a person whose page never says what was seen has no row.
CREATE TABLE IF NOT EXISTS seen_marks (
    channel BINARY(16) NOT NULL PRIMARY KEY,
    up_to   BIGINT     NOT NULL COMMENT 'events up to there were seen, read or not'
) ENGINE = InnoDB DEFAULT CHARACTER SET ascii COLLATE ascii_bin;

ALTER TABLE events MODIFY flags TINYINT UNSIGNED NOT NULL COMMENT '1 deleted, 4 replaced in lists by a newer event of its collapse key, 8 archived';
