-- The last good copies of calendars, by schedule and layer; `doc` is absent of one that was taken and not kept yet.
CREATE TABLE calendar (
    name TEXT PRIMARY KEY, doc TEXT, copy TEXT, taken_until_ms INTEGER NOT NULL DEFAULT 0
);
