"""The catalogues are whole, Traditional is made and not typed, and no word on a public page leans to a level."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from minping import law
from minping.evaluate.channels.tablet.words import WORDS
from minping.evaluate.states import Entry, Outcome, RatingKind
from minping.kernel import traditional
from minping.rectify.states import FollowUp
from tests.support.catalogue import HAN, PACKAGE, bare, catalogue, templates, used
from tests.support.world import FRIDAY

RULES = law.at("350213005", FRIDAY.date())
STAFF = {"login.html", "again.html", "pair.html"}  # public, yet met by staff alone
SLOT = re.compile(r"%\(\w+\)s|{\w+}")


def public_templates() -> list[Path]:
    """The frames of the public pages, what stands in them, and what they are made of."""
    texts = {file: file.read_text("utf-8") for file in templates()}
    frames = ('extends "base_public.html"', 'extends "terminal/_frame.html"')
    pages = {file for file, text in texts.items() if any(frame in text for frame in frames)}
    found = {file for file in pages if file.name not in STAFF}
    found |= {file for file in texts if file.name in ("base_public.html", "base.html", "_frame.html")}
    while True:
        parts = {name for file in found for name in re.findall(r'{% include "([^"]+)"', texts[file])}
        more = {file for file in texts if any(str(file).endswith(f"templates/{name}") for name in parts)} - found
        if not more:
            return sorted(found)
        found |= more


def test_every_string_of_a_public_page_is_in_the_catalogue_and_every_entry_is_used() -> None:
    told, found = catalogue(), used()
    assert {key: found[key] for key in found.keys() - told.keys()} == {}, "python -m tests.support.catalogue"
    assert told.keys() - found.keys() == set(), "used no more"


def test_every_entry_is_translated_with_the_same_slots() -> None:
    for key, text in catalogue().items():
        ids = key if isinstance(key, tuple) else (key,)
        for said in text if isinstance(text, tuple) else (text,):
            assert said, f"{key} is not translated"
            assert not HAN.search(said), f"{key} → {said}"
            assert sorted(SLOT.findall(said)) == sorted(SLOT.findall(ids[0])), key


def test_no_public_template_says_anything_outside_the_catalogue() -> None:
    found = public_templates()
    assert len(found) > 30
    silent = {
        f"{file.name}: {line.strip()[:90]}"
        for file in found
        for line in bare(file.read_text("utf-8")).splitlines()
        if HAN.search(line)
    }
    assert silent == set(), "docs/channels.md, 7: {% translate %}, then python -m tests.support.catalogue"


def test_the_labels_of_the_states_are_in_the_catalogue() -> None:
    labels = [one.label for kind in (Outcome, RatingKind, FollowUp) for one in kind]  # type: ignore[attr-defined]
    labels += [one.label for one in Entry if one != Entry.PERSON]
    assert [label for label in labels if label not in catalogue()] == []


def test_what_the_tablet_shows_to_a_person_it_can_say_in_each_language() -> None:
    page = (PACKAGE / "evaluate/channels/tablet/templates/tablet/tablet.html").read_text("utf-8")
    script = (PACKAGE / "evaluate/channels/tablet/static/tablet/tablet.js").read_text("utf-8")
    marked = {text.strip() for text in re.findall(r"data-say>([^<{]+)<", page)}
    said = {text for text in re.findall(r'(?:say\(|reasons\(|thanks\(|[,\[|] ?)"([^"]*)"', script) if HAN.search(text)}
    assert marked | said == set(WORDS), (marked | said) ^ set(WORDS)
    for_staff = {
        "晨检", "全屏", "已送出，正在等它回来……", "还没有回来，请告诉管理员。", "晨检正常 ", "重新配对", "正在连接", "语言 Language",
        "管理员可以在“窗口装置”页重新配对。",
    }  # fmt: skip
    others = {text for text in re.findall(r">([^<{]+)<", re.sub(r" data-say>[^<]+<", "><", bare(page)))}
    others |= {text for text in re.findall(r'"([^"]*)"', script)}
    assert {text for text in others if HAN.search(text)} - for_staff - set(WORDS) == set()


def test_each_level_and_reason_has_its_english_and_no_other() -> None:
    levels = {f"level_{int(row.code)}" for row in RULES.levels}
    file = (PACKAGE / "law/areas/000000/tags.yaml").read_text("utf-8")
    tags = {f"tag_{code}" for code in re.findall(r'code: "(\d+)"', file)}
    assert set(RULES.words) == levels | tags
    assert not [text for text in RULES.words.values() if HAN.search(text)]
    assert len({RULES.words[one] for one in levels}) == len(levels)


def test_the_levels_are_written_in_traditional_characters_as_they_should() -> None:
    assert [traditional.traditional(row.label) for row in RULES.levels] == [
        "非常滿意", "滿意", "基本滿意", "不滿意", "非常不滿意",
    ]  # fmt: skip


def test_an_own_word_stands_only_where_the_converter_would_say_another() -> None:
    own = traditional.own_words()
    assert {word for word, said in own.items() if traditional.converter().convert(word) == said} == set()
    everything = " ".join(key[0] if isinstance(key, tuple) else key for key in catalogue())
    assert {word for word in own if word not in everything} <= {"打印", "屏幕", "信息", "了解"}


# --- no hint at a level -------------------------------------------------------------------------

HINTS = {
    "zh": r"好评|五星|5 ?星|满分|给个|(?<!要)求(?:评|您|好)|希望您满意|请.{0,4}满意|感谢.{0,6}(?:满意|支持|好评)|点.{0,2}赞|棒|优质|优秀|微笑|一流",
    "en": r"(?i)\bfive.?stars?\b|\b5.?stars?\b|\bbest\b|\bexcellent\b|\bgreat\b|\bgood rating\b|\bplease give\b|\brecommend\b|\bperfect\b|\blike us\b|\bhappy\b",
}
LEVEL_WORDS = re.compile(r"满意|(?i:satisf)")
# Each sentence of ours that has a level's word in it: questions that lean nowhere, the default by rule, what follows a 差评.
MAY_SAY = (
    "您对这次服务满意吗？", "整改之后，您满意吗？", "这件事一共办了", "满意程度", "默认满意", "不满意的评价由专人",
)  # fmt: skip


def public_words() -> dict[str, str]:
    told = catalogue()
    return {
        (key[0] if isinstance(key, tuple) else key): (text[0] if isinstance(text, tuple) else text)
        for key, text in told.items()
    }


def hints(chinese: str, english: str) -> bool:
    """Whether a sentence leans: a wish for praise, or a level's word where no level is due."""
    if re.search(HINTS["zh"], chinese.replace("好差评", "").replace("要您改评价、给好评", "")) or re.search(
        HINTS["en"], english
    ):
        return True
    return bool(LEVEL_WORDS.search(chinese + english)) and not any(one in chinese for one in MAY_SAY)


def test_no_word_on_a_public_page_hints_at_a_level() -> None:
    assert {key for key, text in public_words().items() if hints(key, text)} == set()
    poster = (PACKAGE / "evaluate/channels/qr/poster.typ").read_text("utf-8")
    slip = (PACKAGE / "evaluate/channels/qr/templates/qr/slip.html").read_text("utf-8")
    texts = (PACKAGE / "evaluate/channels/sms/words.py").read_text("utf-8")
    for text in (poster.replace("不满意以后怎么办", ""), slip):
        assert not hints(text.replace("好评差评都如实上报", ""), "")
    assert not re.search(HINTS["zh"], texts.replace("好差评", ""))


@pytest.mark.parametrize(
    ("chinese", "english"),
    [
        ("请给我们五星好评", ""), ("请您点满意", ""), ("感谢您的支持和满意", ""), ("您的满意是我们的追求", ""),
        ("请您评价", "Please give us five stars"), ("请您评价", "We hope you are satisfied"), ("求好评", ""),
    ],
)  # fmt: skip
def test_a_hint_is_found(chinese: str, english: str) -> None:
    assert hints(chinese, english)
