CREATE TABLE IF NOT EXISTS raffles (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    prize      TEXT    NOT NULL,
    host       TEXT    NOT NULL,
    winner     TEXT,
    created_at INTEGER NOT NULL,
    drawn_at   INTEGER
);

-- One row is one ticket. The moment is that of the chart.
CREATE TABLE IF NOT EXISTS tickets (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    raffle     INTEGER NOT NULL REFERENCES raffles (id),
    person     TEXT    NOT NULL,
    created_at INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS tickets_raffle ON tickets (raffle, id);
