"""The registry's import: read a workbook or folder, look at what it would do, then do it, wholly or not at all.

plan = importing.plan(importing.read(path))      # dry run: reads only
importing.registry_import(plan, by=actor, at=now)
"""

from minping.registry.importing.applying import ImportRefused, RegistryMoved, registry_import
from minping.registry.importing.cells import FileUnreadable
from minping.registry.importing.planning import Change, Count, Plan, Step, plan
from minping.registry.importing.reading import BadRow, Book, Row, read, read_workbook
from minping.registry.importing.writing import current, form, workbook

__all__ = [
    "BadRow",
    "Book",
    "Change",
    "Count",
    "FileUnreadable",
    "ImportRefused",
    "Plan",
    "RegistryMoved",
    "Row",
    "Step",
    "current",
    "form",
    "plan",
    "read",
    "read_workbook",
    "registry_import",
    "workbook",
]
