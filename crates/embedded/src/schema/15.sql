-- What is remembered of texts that belong together, by the hash of their group; at until_ms it may be forgotten.
CREATE TABLE text_group (
    key TEXT PRIMARY KEY, version INTEGER NOT NULL, until_ms INTEGER NOT NULL, doc TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX text_group_until ON text_group (until_ms);
