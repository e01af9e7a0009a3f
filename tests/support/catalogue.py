"""The strings of the public pages, as they stand in templates and code; `python -m tests.support.catalogue` writes
new ones into the catalogue, to be translated, and drops those that are used no more."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

from babel.messages import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po

from minping.kernel import errors

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "minping"
PO = PACKAGE / "kernel" / "locale" / "en.po"
KEYWORDS = {"_": None, "gettext": None, "gettext_noop": None, "ngettext": (1, 2)}
PLAIN = re.compile(r"""{% translate (?:"([^"]*)"|'([^']*)') %}|\b_\("([^"]*)"\)""")
BLOCK = re.compile(r"{% blocktranslate trimmed[^%]*%}(.*?){% endblocktranslate %}", re.DOTALL)
COMMENT = re.compile(r"{% comment %}.*?{% endcomment %}", re.DOTALL)
HAN = re.compile(r"[\u3400-\u9fff]")
Id = str | tuple[str, str]


def templates() -> list[Path]:
    return sorted(PACKAGE.rglob("templates/**/*.html"))


def of_template(text: str) -> Iterator[str]:
    """The message ids of a template."""
    for found in PLAIN.finditer(text):
        yield next(filter(None, found.groups()))
    for body in BLOCK.findall(text):
        lines = " ".join(line.strip() for line in body.strip().splitlines())
        yield re.sub(r"{{ (\w+) }}", r"%(\1)s", lines.replace("%", "%%"))


def bare(text: str) -> str:
    """What is left of a template when all that goes through the catalogue is taken out."""
    return BLOCK.sub("", PLAIN.sub("", COMMENT.sub("", text)))


def used() -> dict[Id, list[str]]:
    """Each message id of templates and code with the files that use it."""
    found: dict[Id, list[str]] = {}
    for file in templates():
        for message in of_template(file.read_text("utf-8")):
            found.setdefault(message, []).append(file.relative_to(ROOT).as_posix())
    for file in sorted(PACKAGE.rglob("*.py")):
        content = file.read_bytes()
        if b"gettext" not in content:
            continue
        for _line, message, _comments, _context in extract("python", io.BytesIO(content), keywords=KEYWORDS):
            key = (message[0], message[1]) if isinstance(message, (tuple, list)) else message
            found.setdefault(key, []).append(file.relative_to(ROOT).as_posix())
    for refusal in (errors.Problem, *errors.Problem.__subclasses__()):  # the module knows no Django and marks nothing
        for message in (refusal.message, refusal.cure) if refusal.__module__ == errors.__name__ else ():
            found.setdefault(message, []).append("minping/kernel/errors.py")
    return found


def catalogue() -> dict[Id, str | tuple[str, ...]]:
    """The English catalogue as it stands."""
    return {message.id: message.string for message in read_po(io.BytesIO(PO.read_bytes()), locale="en") if message.id}


def main() -> None:
    old, fresh = (
        catalogue(),
        Catalog(locale="en", header_comment="# English of the public pages; the ids are the Simplified originals."),
    )
    fresh.fuzzy = False
    for key, files in used().items():
        fresh.add(key, old.get(key, ""), locations=[(name, 0) for name in sorted(set(files))])
    out = io.BytesIO()
    write_po(out, fresh, width=118, omit_header=True, include_lineno=False, sort_by_file=True)
    head = (
        "# English of the public pages; the ids are the Simplified originals (docs/decisions/0054).\n"
        'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=utf-8\\n"\n"Language: en\\n"\n'
        '"Plural-Forms: nplurals=2; plural=(n != 1);\\n"\n\n'
    )
    PO.write_bytes(head.encode() + out.getvalue())


if __name__ == "__main__":
    main()
