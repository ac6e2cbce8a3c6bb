-- +goose Up
CREATE TABLE IF NOT EXISTS revocations (
    subject VARCHAR(96) CHARACTER SET ascii COLLATE ascii_bin NOT NULL PRIMARY KEY COMMENT 'whose tokens',
    at      BIGINT NOT NULL COMMENT 'tokens issued up to then are no good; milliseconds since 1970, UTC',
    KEY at (at)
) ENGINE = InnoDB DEFAULT CHARACTER SET ascii COLLATE ascii_bin;
