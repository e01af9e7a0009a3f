"""ClamAV where it is there: what is handed in is looked at before it is kept.

The address is the setting `clamd`, else Debian's own socket if it exists.  A scanner that is named
and does not answer stops the upload: "not scanned" is never taken for "clean".
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from clamav_client import get_scanner

from minping.kernel.errors import Problem
from minping.kernel.home import home

DEBIAN = "/run/clamav/clamd.ctl"
PATIENCE = 20.0  # seconds for one file


class ScannerAway(Problem):
    code = "scanner_away"
    status = 503
    message = "扫毒服务没有回应，文件没有保存。"
    cure = "写好的文字已经留着，请过几分钟再传；还不行请找管理员看 clamd 是否在运行。"


def address() -> str:
    """Where the scanner listens; empty where this machine has none."""
    return home().config().clamd or (DEBIAN if Path(DEBIAN).exists() else "")


def virus(content: bytes) -> str:
    """The name of what was found, empty for clean (or unscanned where there is no scanner).  Raises ScannerAway."""
    where = address()
    if not where:
        return ""
    with tempfile.NamedTemporaryFile(prefix="minping-scan-") as file:
        file.write(content)
        file.flush()
        found = get_scanner({"backend": "clamd", "address": where, "timeout": PATIENCE, "stream": True}).scan(file.name)
    if found.state == "FOUND":
        return found.details or "virus"
    if not found.passed:
        raise ScannerAway()
    return ""
