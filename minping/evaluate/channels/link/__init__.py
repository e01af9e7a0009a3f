"""The invitation's own page, on a phone or a computer: the face that every other channel falls back to."""
