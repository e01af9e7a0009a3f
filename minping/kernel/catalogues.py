"""The compiled catalogues of this machine: made from the one .po file when a process first needs them.

No gettext tools and no generated file in the repository: English is compiled by Babel,
Traditional is the Simplified source put through the converter (docs/decisions/0054).
"""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path

LOCALE = Path(__file__).parent / "locale"
SOURCES = ("en.po", "zh_Hant.yaml")


def catalogues(folder: Path) -> Path:
    """A folder for Django's LOCALE_PATHS under `folder`; made once for each state of the sources."""
    sources = b"".join((LOCALE / name).read_bytes() for name in SOURCES)
    made_of = sources + f"{version('babel')} {version('opencc')}".encode()
    place = folder / hashlib.sha256(made_of).hexdigest()[:16]
    if not place.is_dir():
        _make(place)
    return place


def _make(place: Path) -> None:
    """Compile beside and rename: of several processes that start at once, one wins and all find it whole."""
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    fresh = Path(tempfile.mkdtemp(prefix=".new-", dir=place.parent))
    for name, content in _compiled().items():
        file = fresh / name / "LC_MESSAGES" / "django.mo"
        file.parent.mkdir(parents=True)
        file.write_bytes(content)
    try:
        os.rename(fresh, place)
    except OSError:  # another process was first
        shutil.rmtree(fresh)


def _compiled() -> dict[str, bytes]:
    from babel.messages import Catalog
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    from minping.kernel.traditional import traditional

    english = read_po(io.BytesIO((LOCALE / "en.po").read_bytes()), locale="en")
    hant = Catalog(locale="zh_Hant", header_comment="")
    for message in english:
        if isinstance(message.id, str):
            if message.id:  # the empty one is the header
                hant.add(message.id, traditional(message.id))
        else:
            hant.add(message.id, (traditional(message.id[0]),))
    made = {}
    for name, catalogue in (("en", english), ("zh_Hant", hant)):
        out = io.BytesIO()
        write_mo(out, catalogue)
        made[name] = out.getvalue()
    return made
