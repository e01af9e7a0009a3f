"""Settings, addresses, base templates, and the faces that belong to no single stage."""
