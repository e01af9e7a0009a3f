"""监督: answering for repeated negatives, clues sealed for the discipline organ, leads of fraud (minan/5.2)."""
