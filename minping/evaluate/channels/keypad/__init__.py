"""Key-pads and other evaluators that were there before: they send a key code, and a table says what it means."""
