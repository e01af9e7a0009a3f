"""An uploaded file waits for its confirmation: sealed, in the home folder, under the hash of its content.

What is confirmed is what was looked at, and no one has to choose the file twice.
"""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from minping.kernel import clock, privacy
from minping.kernel.errors import NotFound
from minping.kernel.home import home

KEEP_SECONDS = 24 * 3600
MOST = 50 * 1024 * 1024  # bytes of one upload


class UploadGone(NotFound):
    code = "upload_gone"
    message = "等待确认的文件已经不在了（只保留一天）。"
    cure = "请重新选择文件，再试导入一次。"


def keep(data: bytes, name: str) -> str:
    """Keep `data` until it is confirmed or a day old; returns its token."""
    folder = _folder()
    for old in folder.iterdir():
        if old.stat().st_mtime < clock.wall() - KEEP_SECONDS:
            old.unlink(missing_ok=True)
    token = hashlib.sha256(name.encode() + b"\0" + data).hexdigest()
    draft = folder / f"{token}.{os.getpid()}.new"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(privacy.seal(name.encode() + b"\0" + data, f"upload:{token}"))
    draft.replace(folder / token)
    return token


def kept(token: str) -> tuple[bytes, str]:
    """The content and the name of a file that waits.  Raises UploadGone."""
    if not re.fullmatch("[0-9a-f]{64}", token):
        raise UploadGone()
    try:
        sealed = (_folder() / token).read_bytes()
    except FileNotFoundError as gone:
        raise UploadGone() from gone
    name, _, data = privacy.unseal(sealed, f"upload:{token}").partition(b"\0")
    return data, name.decode()


def drop(token: str) -> None:
    """It is done with: remove the file."""
    if re.fullmatch("[0-9a-f]{64}", token):
        (_folder() / token).unlink(missing_ok=True)


def _folder() -> Path:
    folder = home().path / "uploads"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder
