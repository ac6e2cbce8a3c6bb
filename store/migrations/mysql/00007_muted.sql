-- +goose Up
-- MySQL has no ADD COLUMN IF NOT EXISTS. All that this changes is what is noted of the table.
SET @add_muted = IF(
    (SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = 'channels' AND column_name = 'muted') = 0,
    'ALTER TABLE channels ADD COLUMN muted VARCHAR(1000) CHARACTER SET ascii COLLATE ascii_bin NOT NULL DEFAULT '''' COMMENT ''types of events that are not appended, with a comma around each''',
    'DO 0');
PREPARE add_muted FROM @add_muted;
EXECUTE add_muted;
DEALLOCATE PREPARE add_muted;

ALTER TABLE escalations MODIFY unless TINYINT UNSIGNED NOT NULL COMMENT '1 read, 2 online, 4 seen';
