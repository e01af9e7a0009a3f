"""ClamAV where it is there: what is handed in is looked at before it is kept.

The address is the setting `clamd`, else Debian's own socket if it exists.  A scanner that is named
and does not answer stops the upload: "not scanned" is never taken for "clean".
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clamav_client import get_scanner
from django.utils.translation import gettext_noop

from minping.kernel.errors import Problem
from minping.kernel.home import home

DEBIAN = "/run/clamav/clamd.ctl"
PATIENCE = 20.0  # seconds for one file


class ScannerAway(Problem):
    code = "scanner_away"
    status = 503
    message = gettext_noop("扫毒服务没有回应，文件没有保存。")
    cure = gettext_noop("写好的文字已经留着，请过几分钟再传；一直不行，请告诉管理员扫毒服务停了。")


def address() -> str:
    """Where the scanner listens; empty where this machine has none."""
    return home().config().clamd or (DEBIAN if Path(DEBIAN).exists() else "")


@contextmanager
def _held(content: bytes) -> Iterator[str]:
    """A name under which the scanner's client reads it; in memory where the system can, so that no disk ever has it."""
    if hasattr(os, "memfd_create"):
        with os.fdopen(os.memfd_create("minping-scan"), "wb") as memory:
            memory.write(content)
            memory.flush()
            yield f"/proc/self/fd/{memory.fileno()}"
        return
    with tempfile.NamedTemporaryFile(prefix="minping-scan-") as file:
        file.write(content)
        file.flush()
        yield file.name


def virus(content: bytes) -> str:
    """The name of what was found, empty for clean (or unscanned where there is no scanner).  Raises ScannerAway."""
    where = address()
    if not where:
        return ""
    with _held(content) as name:
        found = get_scanner({"backend": "clamd", "address": where, "timeout": PATIENCE, "stream": True}).scan(name)
    if found.state == "FOUND":
        return found.details or "virus"
    if not found.passed:
        raise ScannerAway()
    return ""
