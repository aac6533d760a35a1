-- Documents are JSON. The other columns repeat what is searched for.

CREATE TABLE run (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    version INTEGER NOT NULL,
    due_ms INTEGER,
    opened_ms INTEGER NOT NULL,
    -- When the event happened: what a resolution is compared with.
    happened_us INTEGER NOT NULL,
    closed_ms INTEGER,
    phase TEXT NOT NULL,
    workflow TEXT NOT NULL,
    source TEXT NOT NULL,
    subject TEXT,
    -- 1: something is still to be done, so there must be a due row.
    pending INTEGER NOT NULL,
    -- 1: a resolving event may still change it.
    resolvable INTEGER NOT NULL,
    -- 1: a message waits for an operator.
    held INTEGER NOT NULL,
    -- Its messages by phase, as `delivered:2,failed:1`.
    tally TEXT NOT NULL,
    doc BLOB NOT NULL
);
CREATE INDEX run_due ON run (due_ms) WHERE due_ms IS NOT NULL;
CREATE INDEX run_opened ON run (opened_ms);
CREATE INDEX run_held ON run (opened_ms) WHERE held = 1;
CREATE INDEX run_subject ON run (workflow, subject) WHERE subject IS NOT NULL AND resolvable = 1;
CREATE INDEX run_over ON run (closed_ms) WHERE closed_ms IS NOT NULL AND due_ms IS NULL;
-- Always empty: a row in it is a run that no process would look at again.
CREATE INDEX run_forgotten ON run (pending) WHERE pending = 1 AND due_ms IS NULL;

-- One row per change. `sids` names what the change bound, so that forgetting a run finds it.
CREATE TABLE timeline (
    run INTEGER NOT NULL,
    version INTEGER NOT NULL,
    entries BLOB NOT NULL,
    sids TEXT,
    PRIMARY KEY (run, version)
) WITHOUT ROWID;

CREATE TABLE sid (sid TEXT PRIMARY KEY, message TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE reply_route (
    seq INTEGER PRIMARY KEY,
    number TEXT NOT NULL,
    expires_ms INTEGER NOT NULL,
    run INTEGER NOT NULL,
    doc TEXT NOT NULL
);
CREATE INDEX reply_route_number ON reply_route (number, expires_ms);
CREATE INDEX reply_route_run ON reply_route (run);

CREATE TABLE outcome (seq INTEGER PRIMARY KEY AUTOINCREMENT, run INTEGER NOT NULL, doc TEXT NOT NULL);
CREATE INDEX outcome_run ON outcome (run);

CREATE TABLE dead_letter (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    at_ms INTEGER NOT NULL,
    reason TEXT NOT NULL,
    workflow TEXT,
    source TEXT,
    run INTEGER,
    doc TEXT NOT NULL
);
CREATE INDEX dead_letter_at ON dead_letter (at_ms);
CREATE INDEX dead_letter_run ON dead_letter (run) WHERE run IS NOT NULL;

CREATE TABLE consent (
    seq INTEGER PRIMARY KEY,
    number TEXT NOT NULL,
    change TEXT NOT NULL,
    source TEXT NOT NULL,
    evidence TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    doc TEXT NOT NULL,
    UNIQUE (number, change, source, evidence)
);

CREATE TABLE resolution (
    workflow TEXT NOT NULL,
    subject TEXT NOT NULL,
    at_us INTEGER NOT NULL,
    doc TEXT NOT NULL,
    PRIMARY KEY (workflow, subject)
) WITHOUT ROWID;

CREATE TABLE workflow (hash TEXT PRIMARY KEY, doc TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE override (seq INTEGER PRIMARY KEY, until_ms INTEGER NOT NULL, doc TEXT NOT NULL UNIQUE);

-- Events that wait. The key is the lane in its upper bits and a count below, so that a lane is one range of keys.
CREATE TABLE event (key INTEGER PRIMARY KEY, published_ms INTEGER NOT NULL, body BLOB NOT NULL);
