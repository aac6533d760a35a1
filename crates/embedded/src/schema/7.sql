-- What each process last reported of itself.
CREATE TABLE heartbeat (process TEXT PRIMARY KEY, at_ms INTEGER NOT NULL, doc TEXT NOT NULL) WITHOUT ROWID;
