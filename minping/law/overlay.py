"""The calendar in use: the shipped years, and on top of them the notices an office has loaded itself."""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path
from time import monotonic

from minping.law import notices
from minping.law.errors import LawError
from minping.law.workdays import Calendar, Edition

SHIPPED = Path(__file__).resolve().parent / "calendar"
# How often a process looks whether the folder has changed, in seconds.
LOOK_EVERY = 1.0

_Signature = tuple[tuple[str, int, int, int], ...]


class _State:
    """The calendar of this process. Readers take the finished object; only a rebuild takes the lock."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.folder: Path | None = None
        self.calendar: Calendar | None = None
        self.problem: LawError | None = None
        self.look_at = 0.0
        self.signature: _Signature = ()
        self._shipped: tuple[dict[int, Edition], dict[int, frozenset[tuple[int, int]]]] | None = None

    def shipped(self) -> tuple[dict[int, Edition], dict[int, frozenset[tuple[int, int]]]]:
        """The years that come with the program, and the statutory days."""
        if self._shipped is None:
            fixed = notices.read_statutory(SHIPPED / "statutory.yaml", "calendar/statutory.yaml")
            self._shipped = notices.read_folder(SHIPPED, "calendar", fixed), fixed
        return self._shipped

    def refresh(self) -> Calendar:
        """Rebuild when the folder has changed since the last look."""
        with self.lock:
            signature = _signature(self.folder)
            if self.calendar is None or signature != self.signature:
                self._rebuild()
                self.signature = signature
            self.look_at = monotonic() + LOOK_EVERY
            assert self.calendar is not None
            return self.calendar

    def _rebuild(self) -> None:
        years, fixed = self.shipped()
        try:
            mine = notices.read_folder(self.folder, self.folder.name, fixed) if self.folder else {}
        except LawError as fault:
            # A file broken under a running office must not stop the citizens: the last good calendar stays
            # in use and check() names the fault. At start there is none to keep, so the fault is raised.
            if self.calendar is None:
                raise
            self.problem = fault
            return
        self.problem = None
        self.calendar = Calendar({**years, **mine}, fixed)


_state = _State()


def calendar() -> Calendar:
    """The working-day calendar in use now; re-read when the overlay folder has changed (seen within 1 s)."""
    found = _state.calendar
    if found is not None and (_state.folder is None or monotonic() < _state.look_at):
        return found
    return _state.refresh()


def use_overlay(path: Path | str | None) -> None:
    """Put the notices in this folder on top of the shipped ones; None takes them away again.

    The folder may not exist yet: it counts as empty until something is loaded into it.
    """
    with _state.lock:
        _state.folder = Path(path) if path is not None else None
        _state.calendar = None
        _state.problem = None


def load_calendar(file: Path | str, into: Path | str) -> Edition:
    """Check the notice in ``file``, store it in the folder ``into`` and return it.

    LawError, naming file, key and cure, for anything but a whole and sound year. Loading the same days
    again changes nothing; other days for a known year are stored as a correction under its own name.
    """
    path, folder = Path(file), Path(into)
    years, fixed = _state.shipped()
    edition = notices.read_edition(path, path.name, fixed)
    mine = folder / f"{edition.year}.yaml"
    known = years.get(edition.year)
    if mine.exists():
        # A file broken by hand is repaired by loading a sound one over it.
        with suppress(LawError):
            known = notices.read_edition(mine, mine.name, fixed)
    stored = notices.store(edition, folder, known)
    with _state.lock:
        # The process that loaded it sees it at once; the others within a second.
        _state.look_at = 0.0
    return stored


def problems() -> list[str]:
    """What is wrong with the calendars; empty when nothing is."""
    try:
        calendar()
    except LawError as fault:
        return [fault.message]
    return [_state.problem.message] if _state.problem else []


def _signature(folder: Path | None) -> _Signature:
    if folder is None:
        return ()
    try:
        with os.scandir(folder) as entries:
            found = [(e.name, e.stat()) for e in entries if e.name.endswith(".yaml")]
    except OSError:
        return ()
    return tuple(sorted((name, s.st_mtime_ns, s.st_size, s.st_ino) for name, s in found))
