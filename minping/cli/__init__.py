"""The command `minping`: one table of commands, each a thin face over a service."""

from minping.cli.main import main

__all__ = ["main"]
