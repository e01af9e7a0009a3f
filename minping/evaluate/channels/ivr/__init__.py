"""电话自动请评: a telephone system (IVR) reports what it hears and is told what to say next (minan/3.4.1)."""
