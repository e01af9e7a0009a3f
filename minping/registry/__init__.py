"""登记簿: areas, organisations, windows, staff, devices, items, packages — who is rated, about what."""
