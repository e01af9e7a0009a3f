"""The import: the rows that can be read go in as the API's would, in chunks; good rows stay though others fail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from django.db import transaction

from minping.evaluate.files.reading import read
from minping.evaluate.schemas import ServiceIn
from minping.evaluate.services import Received, services_receive
from minping.kernel.access import Actor
from minping.kernel.errors import Problem
from minping.registry.importing.cells import FileUnreadable

CHUNK = 10_000


@dataclass(frozen=True)
class BadService:
    """A row that was not taken: its number in the sheet, its case as far as known, and why."""

    row: int
    case_no: str
    code: str
    reason: str


class Answered(Protocol):
    """What became of one row: `case_no` names it, `problem` says why it was not taken."""

    @property
    def case_no(self) -> str: ...
    @property
    def problem(self) -> Problem | None: ...


Told = TypeVar("Told", bound=Answered)


@dataclass(frozen=True)
class FileResult(Generic[Told]):
    """What became of a file.  `answers` pairs each sheet row with its answer, in order."""

    answers: tuple[tuple[int, Told], ...]

    @property
    def total(self) -> int:
        return len(self.answers)

    @property
    def bad(self) -> tuple[BadService, ...]:
        return tuple(
            BadService(row, answer.case_no, answer.problem.code, f"{answer.problem.message}{answer.problem.cure}")
            for row, answer in self.answers
            if answer.problem is not None
        )

    @property
    def accepted(self) -> int:
        """Rows taken, or known already with the same content."""
        return sum(answer.problem is None for _, answer in self.answers)

    def summary(self) -> str:
        return f"共 {self.total:,} 行：收下 {self.accepted:,} 行，退回 {self.total - self.accepted:,} 行。"


def import_file(file: Path, *, by: Actor, at: datetime) -> FileResult[Received]:
    """Report the services of `file`.  Good rows are kept though others are refused.  Raises FileUnreadable."""
    try:
        data = file.read_bytes()
    except OSError as absent:
        raise FileUnreadable(f"打不开“{file.name}”。", cure="请核对路径，它应是 CSV 或 XLSX 文件。") from absent
    return import_data(data, file.name, by=by, at=at)


def import_data(data: bytes, name: str, *, by: Actor, at: datetime) -> FileResult[Received]:
    """The same for content in memory; `by` needs `services:write` for the organisations in it."""
    return _receive(read(data, name, at=at), by, at)


def check_data(data: bytes, name: str, *, by: Actor, at: datetime) -> FileResult[Received]:
    """What `import_data` would answer, without keeping anything: the same work in a transaction taken back."""
    rows = read(data, name, at=at)
    with transaction.atomic():
        result = _receive(rows, by, at)
        transaction.set_rollback(True)
    return result


def _receive(rows: Sequence[tuple[int, ServiceIn | Problem]], by: Actor, at: datetime) -> FileResult[Received]:
    answers: list[tuple[int, Received]] = []
    for start in range(0, len(rows), CHUNK):
        chunk = rows[start : start + CHUNK]
        received = services_receive([row for _, row in chunk], by=by, at=at)
        for (number, _), answer in zip(chunk, received, strict=True):
            if answer.problem is not None:
                answer.problem.row = number
            answers.append((number, answer))
    return FileResult(tuple(answers))
