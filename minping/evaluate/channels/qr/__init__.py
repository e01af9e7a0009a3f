"""QR codes: the service's own on a slip, a window's fixed one on a poster (minan/3.4.1)."""
