-- `resolvable` is 2 for a run that is over and whose ticket hears when its subject is resolved.
CREATE INDEX run_subject_over ON run (workflow, subject) WHERE subject IS NOT NULL AND resolvable = 2;
