"""Simplified into Traditional characters, by OpenCC and a short list of the house's own words.  No Django."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path

import opencc
import yaml

OWN_WORDS = Path(__file__).parent / "locale" / "zh_Hant.yaml"


@cache
def converter() -> opencc.OpenCC:
    """Characters as Taiwan writes them; words stay, for OpenCC's own list of words would make a counter a screen."""
    return opencc.OpenCC("s2tw")


@cache
def own_words() -> Mapping[str, str]:
    """What the converter does not know as it is said in Taiwan and Hong Kong."""
    words: dict[str, str] = yaml.safe_load(OWN_WORDS.read_text("utf-8"))
    return words


@cache
def _pattern() -> re.Pattern[str]:
    longest = sorted(own_words(), key=len, reverse=True)
    return re.compile(f"({'|'.join(map(re.escape, longest))})")


@lru_cache(maxsize=8192)
def traditional(text: str) -> str:
    """The words of the house in Traditional characters.  Never for what a person wrote: that stays as written."""
    pieces = _pattern().split(text)
    return "".join(own_words()[piece] if odd % 2 else converter().convert(piece) for odd, piece in enumerate(pieces))
