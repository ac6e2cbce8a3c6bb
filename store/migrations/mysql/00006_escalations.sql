-- +goose Up
CREATE TABLE IF NOT EXISTS escalations (
    at      BIGINT      NOT NULL COMMENT 'when it is looked whether to tell; milliseconds since 1970, UTC',
    channel BINARY(16)  NOT NULL COMMENT 'an inbox',
    target  VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'a webhook of the policy file',
    seq     BIGINT      NOT NULL,
    unless  TINYINT UNSIGNED NOT NULL COMMENT '1 read, 2 online',
    PRIMARY KEY (at, channel, target, seq)
) ENGINE = InnoDB DEFAULT CHARACTER SET ascii COLLATE ascii_bin;

CREATE TABLE IF NOT EXISTS escalation_calls (
    id      BINARY(16)  NOT NULL PRIMARY KEY COMMENT 'drawn at random: the webhook-id',
    target  VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
    at      BIGINT      NOT NULL COMMENT 'when it is to be tried, or a try has been given up; 1 << 62: parked',
    made    BIGINT      NOT NULL,
    channel BINARY(16)  NOT NULL,
    tries   INT         NOT NULL,
    events  BLOB        NOT NULL COMMENT 'JSON: pairs of escalations.seq and unless',
    error   VARBINARY(255) NOT NULL COMMENT 'of the last try',
    KEY due (target, at, made)
) ENGINE = InnoDB DEFAULT CHARACTER SET ascii COLLATE ascii_bin;
