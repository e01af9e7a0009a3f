"""Who has the authority on a revocation, from where this installation stands (minan/4.2.2, decision 0080).

Upward by level: district, city, province.  Where there is no level above this one (the
target `end`), the ladder ends here: nothing is referred, and what would be decided above
is decided by this level, on its own cases too.  A street has no such authority; with
nothing above it, it goes on typing in what it is answered on paper.
"""

from __future__ import annotations

from django.conf import settings

from minping.feedback.states import Authority
from minping.upstream.provinces import driver


def own_level() -> Authority | None:
    """Which authority this installation is; None for a street."""
    return Authority.of(settings.MINPING_AREA)


def ends_here() -> bool:
    """Whether the ladder ends at this installation."""
    return own_level() is not None and driver().ends


def first_level(area_code: str) -> Authority:
    """Who is asked first about a rating that was given to our own: the level above, or ours where it is the last."""
    own = own_level()
    return own if own is not None and ends_here() else Authority.above(area_code)


def higher(level: Authority) -> Authority | None:
    """The level that `level` may refer to; None where it is the last."""
    return None if ends_here() and level == own_level() else level.next
