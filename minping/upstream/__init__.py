"""上送: one road upward for good and bad alike (minan/3.1.2, minan/3.4.1)."""
