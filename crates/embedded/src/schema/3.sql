-- Which event opened a run, and what it said: an event of the same name that says something else opens nothing.
ALTER TABLE run ADD COLUMN event TEXT;
ALTER TABLE run ADD COLUMN content INTEGER;
CREATE INDEX run_event ON run (event) WHERE event IS NOT NULL;
