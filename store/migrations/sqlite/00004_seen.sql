-- The same table as in ../mysql, where the columns are explained.

-- +goose Up
CREATE TABLE IF NOT EXISTS seen_marks (
    channel BLOB    NOT NULL PRIMARY KEY,
    up_to   INTEGER NOT NULL
) WITHOUT ROWID;
