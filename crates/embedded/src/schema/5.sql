-- Tokens of the API; their secrets are hashed.
CREATE TABLE token (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, doc TEXT NOT NULL);
-- Answers that a repeated request gets again, until their time is over.
CREATE TABLE answer (key TEXT PRIMARY KEY, until_ms INTEGER NOT NULL, doc TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX answer_until ON answer (until_ms);
-- The latest outcome events, for the stream of the API. AUTOINCREMENT: a position is never used twice.
CREATE TABLE outcome_log (seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, doc TEXT NOT NULL);
