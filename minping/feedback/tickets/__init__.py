"""12345 and other windows (minan/6.2): tickets come in with their own number, one grievance is handled once,
and the answer goes back in the form of where it came from."""
