-- Whether texts go out of the account, as the senders note it for each other: one row, or none before the first note.
CREATE TABLE sending (id INTEGER PRIMARY KEY CHECK (id = 1), name TEXT NOT NULL, doc TEXT NOT NULL);
