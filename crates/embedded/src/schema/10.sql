-- What became of the latest texts of each originator, by country and slice of time.
CREATE TABLE receipt (
    slice_s INTEGER NOT NULL,
    originator TEXT NOT NULL,
    calling_code TEXT NOT NULL,
    delivered INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    PRIMARY KEY (slice_s, originator, calling_code)
) WITHOUT ROWID;
