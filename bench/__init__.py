"""`make bench`: how fast, as ratios to the database's own speed in the same run (never a timed test)."""
