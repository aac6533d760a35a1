-- What is to be done outside, until it is done or given up.
CREATE TABLE effect (
    id TEXT PRIMARY KEY,
    destination TEXT NOT NULL,
    due_ms INTEGER NOT NULL,
    -- Rises with each taking.
    epoch INTEGER NOT NULL,
    doc TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX effect_due ON effect (destination, due_ms);
-- How many effects there ever were, and how they ended. The rest are in `effect`.
CREATE TABLE effect_ledger (due INTEGER NOT NULL, delivered INTEGER NOT NULL, dead INTEGER NOT NULL);
INSERT INTO effect_ledger VALUES (0, 0, 0);
