CREATE TABLE IF NOT EXISTS projects (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    owner      TEXT    NOT NULL,
    title      TEXT    NOT NULL,
    body       TEXT    NOT NULL,
    seats      INTEGER NOT NULL,
    created_at INTEGER NOT NULL
);

CREATE TABLE IF NOT EXISTS applications (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    project    INTEGER NOT NULL REFERENCES projects (id),
    applicant  TEXT    NOT NULL,
    message    TEXT    NOT NULL,
    state      TEXT    NOT NULL DEFAULT 'waiting',
    created_at INTEGER NOT NULL,
    UNIQUE (project, applicant)
);
CREATE INDEX IF NOT EXISTS applications_applicant ON applications (applicant);
