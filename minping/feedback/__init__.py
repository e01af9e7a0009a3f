"""反馈: a negative rating becomes a case that is verified with its giver (minan/4.2.1–4.2.3)."""
