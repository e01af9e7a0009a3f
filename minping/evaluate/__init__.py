"""评价: services come in, each invites its receiver, who rates it once; silence has a record of its own kind."""
