"""A reply is a person's rating: what is clear is taken with its words, what is not is never guessed."""

from __future__ import annotations

import pytest

from minping.evaluate.channels.sms.understanding import Said, understand

CLEAR = [
    ("5", 5, ""), ("５", 5, ""), (" 1 ", 1, ""), ("5分", 5, ""), ("非常满意", 5, ""), ("非常满意！", 5, ""), ("满意。谢谢", 4, "谢谢"),
    ("基本满意", 3, ""), ("不满意，等了两小时", 2, "等了两小时"), ("非常不满意", 1, ""), ("2 等了两小时，没人理。", 2, "等了两小时，没人理。"),
    ("1、态度差", 1, "态度差"), ("5 非常满意，快", 5, "快"), ("２．跑了３趟，材料交了两遍", 2, "跑了３趟，材料交了两遍"), ("不满意\n第一行\n第二行", 2, "第一行\n第二行"),
]  # fmt: skip
UNCLEAR = [
    "还行", "4 5", "满意？不满意", "5 不满意", "满意度太低", "10", "3.5", "不 满意", "不满意等了两小时", "满意 3", "", "好评", "55", "1到5都行",
]  # fmt: skip


@pytest.mark.parametrize(("text", "level", "words"), CLEAR)
def test_a_clear_reply_is_a_level_with_its_words_as_written(text: str, level: int, words: str) -> None:
    assert understand(text) == Said(level, words)


@pytest.mark.parametrize("text", UNCLEAR)
def test_what_has_two_readings_is_not_understood(text: str) -> None:
    assert understand(text).level is None
    assert understand(text).words == text.strip()


@pytest.mark.parametrize("text", ["T", "t", "TD", "退订", "退订。"])
def test_a_wish_to_hear_no_more_is_heard(text: str) -> None:
    assert understand(text) == Said(stop=True)
