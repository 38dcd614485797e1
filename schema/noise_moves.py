"""What `noise_moves` (0006) says of a batch of rows that change counts: whose it is, and how far it is."""

# How the names of batches begin.
RELABELLED = "noise-"
FORGOTTEN = "forget-"

# `done`; of several notes of a batch the highest holds.
WRITTEN = 0
INSERTED = 1
GONE = 2  # the rows that a forgetting took out of the counts are deleted: until then some may be of no reports
