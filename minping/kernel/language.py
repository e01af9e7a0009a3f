"""In which language a person reads a public page: Simplified as written, Traditional made from it, English (issue 3, §9).

Only faces ask here.  What is stored, sent upward or sent by text message is made of codes
and of the Simplified words, and never looks at the language of the page (tests/site/test_languages.py).

How the three come about: docs/decisions/0054-three-languages.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.http import HttpRequest
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.utils.translation.trans_real import parse_accept_lang_header

from minping import law
from minping.kernel import clock
from minping.kernel.errors import Problem
from minping.kernel.traditional import traditional

SIMPLIFIED, TRADITIONAL, ENGLISH = "zh-hans", "zh-hant", "en"


@dataclass(frozen=True)
class Language:
    """`code` as in addresses and catalogues, `tag` for the page's lang, `voice` for reading aloud, `name` in itself."""

    code: str
    tag: str
    voice: str
    name: str


LANGUAGES: Mapping[str, Language] = {
    SIMPLIFIED: Language(SIMPLIFIED, "zh-CN", "zh-CN", "简体"),
    TRADITIONAL: Language(TRADITIONAL, "zh-Hant", "zh-TW", "繁體"),
    ENGLISH: Language(ENGLISH, "en", "en-US", "English"),
}


def current() -> Language:
    """The language of the page being made; Simplified outside of any page."""
    return LANGUAGES.get(translation.get_language() or "", LANGUAGES[SIMPLIFIED])


def of_browser(request: HttpRequest) -> str:
    """What the browser asks for, by Accept-Language: zh-TW, -HK, -MO are Traditional; what we do not speak is Simplified."""
    for wanted, weight in parse_accept_lang_header(request.headers.get("Accept-Language", "")):
        if wanted == "*" or not weight:
            break  # the rest weighs no more
        try:
            return translation.get_supported_language_variant(wanted)
        except LookupError:
            continue
    return SIMPLIFIED


# --- data ----------------------------------------------------------------------------------------


def said(text: str) -> str:
    """A name out of the registry or the law, as it is shown: names have no English, but Traditional characters."""
    return traditional(text) if text and current().code == TRADITIONAL else text


def law_word(rules: law.Rules, id: str, label: str) -> str:
    """A word of the law with its translation of that day (`words.yaml`), else the word itself."""
    if current().code != ENGLISH:
        return said(label)
    return rules.words.get(id, label)


def level_label(rules: law.Rules, level: int) -> str:
    """`满意`, `滿意`, `Satisfied`."""
    row = law.InterfaceLevel(level)
    return law_word(rules, f"level_{int(row)}", row.label)


def tag_label(rules: law.Rules, code: str) -> str:
    """A reason by its code; an unknown code is shown as it is."""
    tag = rules.tag(code)
    return law_word(rules, f"tag_{code}", tag.label) if tag else code


def days_text(value: int, unit: str) -> str:
    """`5 个工作日`, `5 working days`: `unit` is a unit of the law's limits."""
    texts = {
        "working_day": ngettext("{n} 个工作日", "{n} 个工作日", value),
        "natural_day": ngettext("{n} 个自然日", "{n} 个自然日", value),
        "minute": ngettext("{n} 分钟", "{n} 分钟", value),
    }
    return texts[unit].format(n=value)


def limit_text(limit: law.Limit) -> str:
    return days_text(limit.value, limit.unit)


def problem_text(problem: Problem) -> tuple[str, str]:
    """A refusal's sentence and its cure."""
    message = _(problem.template)
    return (message.format(**problem.detail) if problem.detail else message), _(problem.cure)


def problem_line(problem: Problem | None) -> str:
    """Both in a row, for the note above a form; empty for none."""
    if problem is None:
        return ""
    return (" " if current().code == ENGLISH else "").join(filter(None, problem_text(problem)))


# --- dates ---------------------------------------------------------------------------------------


def day_text(moment: datetime) -> str:
    """`11月23日 周一`, `Mon 23 Nov`."""
    if current().code != ENGLISH:
        return said(clock.day_text(moment))
    local = clock.beijing(moment)
    return f"{local:%a} {local.day} {local:%b}"


def moment_text(moment: datetime) -> str:
    """`11月23日 周一 15:20`, `Mon 23 Nov, 15:20`."""
    if current().code != ENGLISH:
        return said(clock.moment_text(moment))
    return f"{day_text(moment)}, {clock.beijing(moment):%H:%M}"


def full_moment_text(moment: datetime) -> str:
    """`2025年7月14日 周一 15:20`, `Mon 14 Jul 2025, 15:20`: for what may be long ago."""
    local = clock.beijing(moment)
    if current().code != ENGLISH:
        return said(f"{local.year}年{clock.moment_text(moment)}")
    return f"{day_text(moment)} {local.year}, {local:%H:%M}"


def due_text(moment: datetime) -> str:
    """`11月24日 周二 24:00 前`, `by Tue 24 Nov, 24:00`."""
    if current().code != ENGLISH:
        return said(clock.due_text(moment))
    local = clock.beijing(moment)
    if (local.hour, local.minute, local.second) == (0, 0, 0):
        return f"by {day_text(moment - timedelta(seconds=1))}, 24:00"
    return f"by {moment_text(moment)}"


def before(moment: datetime) -> str:
    """`15:35 前`, for what ends today."""
    return _("{time} 前").format(time=f"{clock.beijing(moment):%H:%M}")
