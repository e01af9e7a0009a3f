"""What has happened in 上送."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True)
class ChecksReturned:
    """Marked test rows were taken out of the outbox again; `subjects` are the checks they stood for."""

    subjects: tuple[UUID, ...]
    at: datetime
