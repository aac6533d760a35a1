-- What the audit counts, which the status asks for every few seconds, without the runs themselves.
CREATE INDEX run_tally ON run (phase, tally);
