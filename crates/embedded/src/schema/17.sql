-- What agents ask for and people decide on. stage: 0 waits, until expires_ms; 1 approved, and not done; 2 over.
CREATE TABLE approval (
    id TEXT PRIMARY KEY, version INTEGER NOT NULL, token TEXT NOT NULL, stage INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL, kept_until_ms INTEGER NOT NULL, asked_ms INTEGER NOT NULL, doc TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX approval_open ON approval (stage, token) WHERE stage < 2;
-- Agents that are stopped, by label; the empty one stands for all of them.
CREATE TABLE agent_stop (label TEXT PRIMARY KEY, doc TEXT NOT NULL) WITHOUT ROWID;
