-- +goose Up
CREATE TABLE IF NOT EXISTS audit (
    id         BIGINT       NOT NULL AUTO_INCREMENT PRIMARY KEY,
    at         BIGINT       NOT NULL COMMENT 'when the call ended; milliseconds since 1970, UTC',
    token      BINARY(8)    NOT NULL COMMENT 'drawn at random: who writes a line twice writes one',
    operation  VARCHAR(64)  NOT NULL COMMENT 'as the API names it',
    about      VARCHAR(255) NOT NULL COMMENT 'on what or whom',
    service    VARCHAR(64)  NOT NULL COMMENT 'whose key it was',
    remote     VARCHAR(64)  NOT NULL,
    status     SMALLINT     NOT NULL COMMENT 'of the response',
    request_id VARCHAR(128) NOT NULL,
    UNIQUE KEY at (at, token)
) ENGINE = InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;
