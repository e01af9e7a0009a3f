"""Short messages (minan/3.4.1): the invitation by text, replies that are ratings, and codes that prove a phone."""
