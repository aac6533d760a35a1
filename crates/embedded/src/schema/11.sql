-- Events about which nobody is texted for a while.
CREATE TABLE silence (id TEXT PRIMARY KEY, until_ms INTEGER NOT NULL, doc TEXT NOT NULL) WITHOUT ROWID;
