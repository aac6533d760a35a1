-- What is kept of preflights: the row `last` is the last one, the row `admitted` says which sender ran last.
CREATE TABLE preflight (kind TEXT PRIMARY KEY, doc TEXT NOT NULL) WITHOUT ROWID;
