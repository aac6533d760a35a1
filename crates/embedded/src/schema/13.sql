-- 1: it holds texts that may go. In the index before the end, so that runs whose texts may go are a range of it.
ALTER TABLE run ADD COLUMN texts INTEGER NOT NULL DEFAULT 1;
UPDATE run SET texts = 0 WHERE held = 1;
DROP INDEX run_over;
CREATE INDEX run_over ON run (texts, closed_ms) WHERE closed_ms IS NOT NULL AND due_ms IS NULL;
