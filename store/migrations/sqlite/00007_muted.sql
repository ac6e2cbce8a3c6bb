-- The same column as in ../mysql, where it is explained.

-- +goose Up
ALTER TABLE channels ADD COLUMN muted TEXT NOT NULL DEFAULT '';
