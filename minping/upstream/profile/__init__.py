"""A province as dated data: its codes, fields, limits and answers (interfaces.md §7).

from minping.upstream import profile
fujian = profile.load("350000", on=day)      # the version in force on that day
fields = profile.render(fujian, message)     # names and values as the province wants them
profile.classify(fujian, code="3", text="…") # accepted, already, never, later, clock or unknown
"""

from minping.upstream.profile.answers import classify
from minping.upstream.profile.loading import load, names, read_file
from minping.upstream.profile.model import Field, Profile
from minping.upstream.profile.rendering import Unmapped, case_key, render, reverse

__all__ = [
    "Field",
    "Profile",
    "Unmapped",
    "case_key",
    "classify",
    "load",
    "names",
    "read_file",
    "render",
    "reverse",
]
