"""The rules of the regime as dated, cited data (no Django).

>>> from minping import law
>>> rules = law.at("350213005", service_day)
>>> law.due(rules.limit("default"), served_at).at

A legal number is data below ``areas/`` with a date, a clause and a document; this package only reads,
checks and counts. Law is read at the date of the fact; the nearest area wins.
"""

from minping.law.areas import ancestors
from minping.law.checking import check
from minping.law.deadlines import Due, Left, due, last_day, left
from minping.law.errors import LawError, LevelConfusion, UnknownLevel
from minping.law.levels import (
    SYSTEMS,
    GbLevel,
    InterfaceLevel,
    KeypadLevel,
    LevelCode,
    interface_level,
)
from minping.law.model import (
    OCCASIONS,
    UNIT_LABELS,
    Applicant,
    Area,
    Certificate,
    Channel,
    Clause,
    CodeMap,
    Conflict,
    Handling,
    Indicator,
    LevelRow,
    Limit,
    Measure,
    Never,
    Parameter,
    Permission,
    Proof,
    Reminder,
    Role,
    Ruling,
    Source,
    Tag,
    spoken,
)
from minping.law.overlay import calendar, load_calendar, use_overlay
from minping.law.rules import Rules, at, clause, clauses
from minping.law.times import BEIJING, beijing_date
from minping.law.workdays import WEEKDAYS, Calendar, Edition

__all__ = [
    "BEIJING",
    "OCCASIONS",
    "SYSTEMS",
    "UNIT_LABELS",
    "WEEKDAYS",
    "Applicant",
    "Area",
    "Calendar",
    "Certificate",
    "Channel",
    "Clause",
    "CodeMap",
    "Conflict",
    "Due",
    "Edition",
    "GbLevel",
    "Handling",
    "Indicator",
    "InterfaceLevel",
    "KeypadLevel",
    "LawError",
    "Left",
    "LevelCode",
    "LevelConfusion",
    "LevelRow",
    "Limit",
    "Measure",
    "Never",
    "Parameter",
    "Permission",
    "Proof",
    "Reminder",
    "Role",
    "Rules",
    "Ruling",
    "Source",
    "Tag",
    "UnknownLevel",
    "ancestors",
    "at",
    "beijing_date",
    "calendar",
    "check",
    "clause",
    "clauses",
    "due",
    "interface_level",
    "last_day",
    "left",
    "load_calendar",
    "spoken",
    "use_overlay",
]
