"""考核: the five indicators, recomputable for any past day, and the quarterly report (minan/5.1.1–5.1.5, 4.2.4)."""
