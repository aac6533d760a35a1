-- The store's own keys, wrapped by a key of the key file; no row where documents are not sealed.
CREATE TABLE sealing (id INTEGER PRIMARY KEY CHECK (id = 1), doc TEXT NOT NULL);
-- Since when an effect waits: its document may be sealed.
ALTER TABLE effect ADD COLUMN since_ms INTEGER;
UPDATE effect SET since_ms = CAST((julianday(json_extract(doc, '$.since')) - 2440587.5) * 86400000 AS INTEGER);
