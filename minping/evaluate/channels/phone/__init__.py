"""The telephone: a person who asks for a rating and writes down the answer (minan/3.4.1)."""
