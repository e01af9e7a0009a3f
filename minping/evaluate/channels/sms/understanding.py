"""What a reply says: a level with its words, a wish to hear no more, or nothing that can be told for certain.

A reply is a person's rating, so nothing is guessed: where two readings are possible it
is not understood.  No Django here.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from minping import law

_BY_WORD = {level.label: int(level) for level in law.InterfaceLevel}
# The longest first: 不满意 stands within 非常不满意, and 满意 within every one of them.
_WORDS = sorted(_BY_WORD, key=len, reverse=True)
_LEVEL = re.compile("|".join(_WORDS))
_DIGIT = re.compile(r"([1-5])(?:分|星|级)?(?=$|[\s,.;:!?、，。；：！？…~-])")
_BETWEEN = " \t\r\n,.;:!?、，。；：！？…~-"
STOP = frozenset({"T", "TD", "退订", "N"})
START = frozenset({"HF", "恢复", "Y"})


@dataclass(frozen=True, slots=True)
class Said:
    """`level` is of the interface's code system; `words` are what stands beside it."""

    level: int | None = None
    words: str = ""
    stop: bool = False
    start: bool = False


def _aligned(text: str) -> str:
    """Full-width signs as their plain ones, character by character: places stay, the words stay the person's own."""
    plain = (unicodedata.normalize("NFKC", sign) for sign in text)
    return "".join(new if len(new) == 1 else old for old, new in zip(text, plain, strict=True))


def understand(text: str) -> Said:
    """`5`, `５`, `非常满意`, `不满意，等了两小时` are ratings; `还行`, `4 5`, `满意？不满意` are not understood."""
    text = text.strip()
    plain = _aligned(text)
    bare = plain.strip(_BETWEEN).upper()
    if bare in STOP:
        return Said(stop=True)
    if bare in START:
        return Said(start=True)
    named = {_BY_WORD[word] for word in _LEVEL.findall(plain)}
    digit = _DIGIT.match(plain)
    if digit:
        level, at = int(digit[1]), _after(plain, digit.end())
        # “5 非常满意” says one thing twice; “5 不满意” and “4 5” say two things.
        if _DIGIT.match(plain, at) or named - {level}:
            return Said(words=text)
        word = _LEVEL.match(plain, at)
        if word and _ends(plain, word.end()):
            at = _after(plain, word.end())
        return Said(level, text[at:])
    word = _LEVEL.match(plain)
    if word is None or len(named) > 1 or not _ends(plain, word.end()):
        return Said(words=text)  # “还行”, “满意？不满意”, “满意度太低”
    at = _after(plain, word.end())
    if _DIGIT.match(plain, at):
        return Said(words=text)  # “满意 3”
    return Said(_BY_WORD[word[0]], text[at:])


def _ends(plain: str, at: int) -> bool:
    return plain[at : at + 1] in ("", *_BETWEEN)


def _after(plain: str, at: int) -> int:
    """The place of the next sign that is more than a separator."""
    while at < len(plain) and plain[at] in _BETWEEN:
        at += 1
    return at
