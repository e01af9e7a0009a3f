"""What every stage stands on: machine, journal, clock, access, privacy, jobs."""
