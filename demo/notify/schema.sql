-- What is still to be published. A row is written in the transaction of what it
-- tells of, and deleted once the notifier has it.
CREATE TABLE IF NOT EXISTS outbox (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    channel      TEXT    NOT NULL,
    type         TEXT    NOT NULL,
    data         TEXT    NOT NULL,
    collapse_key TEXT    NOT NULL,
    expires_at   INTEGER NOT NULL
);

-- One row: a random name of this file.
CREATE TABLE IF NOT EXISTS outbox_life (
    only INTEGER PRIMARY KEY CHECK (only = 1),
    life TEXT NOT NULL
);
