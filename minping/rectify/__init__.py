"""改进: a confirmed negative is handed to its unit, rectified, accepted by someone else, called back (minan/4.2.3)."""
