-- How many events were ever taken, and how many of them were answered for good. The rest are in `event`.
CREATE TABLE ledger (accepted INTEGER NOT NULL, concluded INTEGER NOT NULL);
INSERT INTO ledger SELECT count(*), 0 FROM event;
