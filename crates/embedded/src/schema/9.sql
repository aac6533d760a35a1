-- In a copy that `callout backup` made: when it was made, and when a process first opened it. A text that it has as unsent
-- may have been sent since.
CREATE TABLE IF NOT EXISTS backup (taken_ms INTEGER NOT NULL, restored_ms INTEGER);
