"""The canonical messages: typed, checked field by field, the same both ways (failures.md B15, B16)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from minping import law
from minping.evaluate.services import defaults_make
from minping.law.levels import InterfaceLevel
from minping.upstream import building, messages
from minping.upstream.models import OutboxMessage
from minping.upstream.port import NEEDS, Message
from tests.support.world import FRIDAY, Story, rate, receive, service_row

LEVEL = law.InterfaceLevel(1)
KEY: dict[str, Any] = {
    "area_code": "350213005", "organization_code": "minan-center", "case_no": "C-1", "service_no": 1,
    "fact_at": FRIDAY,
}  # fmt: skip
PERSON = messages.Person("person", "群众甲", "111", "350213190001010011", "13800000000")
UPWARD = {
    "service": messages.ServiceContent("办结", "X" * 31, "参保", "中心", "hall", 3, FRIDAY, PERSON, accepted_at=FRIDAY),
    "rating": messages.RatingContent(LEVEL, "mobile", "link", FRIDAY, 1, ("108",), "原话，。|&<>😀𠮷"),
    "supplementary": messages.RatingContent(LEVEL, "mobile", "link", FRIDAY, 2),
    "rerating": messages.RatingContent(LEVEL, "mobile", "link", FRIDAY, 2, case_number="2"),
    "default": messages.DefaultContent(law.InterfaceLevel(4), "7天 minan/3.4.4", FRIDAY),
    "case": messages.RectificationContent("N-1", LEVEL, "closed", FRIDAY, result="solved"),
    "validity": messages.ValidityContent("N-1", LEVEL, "disputed", FRIDAY, ground="mistaken"),
    "revocation": messages.RevocationContent(
        "N-1", LEVEL, "malicious", FRIDAY, "两次回访均称误点。", FRIDAY, "我点错了", ("E-1",), "reviewer"
    ),
    "report": messages.ReportContent("街道", 2026, 3, FRIDAY, FRIDAY, "v1", "0" * 64, "{}"),
    "probe": messages.ProbeContent(LEVEL, "探针"),
}


def test_each_kind_that_goes_up_has_its_type_its_ability_and_its_name() -> None:
    assert set(UPWARD) == {k for k, shape in messages.BY_KIND.items() if shape in messages.UPWARD}
    assert set(NEEDS) == set(UPWARD) - {"probe"}  # no ability: a superior takes it or does not (Driver.takes)


@pytest.mark.parametrize("kind", UPWARD)
def test_a_message_comes_back_from_its_envelope_as_it_went_in(kind: str) -> None:
    made = messages.envelope(UPWARD[kind], kind=kind, **KEY)
    assert messages.typed(made) == UPWARD[kind]
    assert all(name in made.body for name in made.personal if name != "agent")


def test_what_comes_down_has_types_too() -> None:
    body = {
        "reference": "FJ-9", "organization_code": "minan-center", "case_no": "C-1", "service_no": 1, "level": 1,
        "rated_at": "2026-11-20T15:24:00+08:00", "tags": ["108"],
    }  # fmt: skip
    negative = messages.read(messages.NegativeReceived, body)
    assert negative.level is InterfaceLevel.VERY_DISSATISFIED
    tags = messages.read(
        messages.Dictionary,
        {"edition": "2022", "valid_from": "2022-01-01", "tags": [{"code": "108", "label": "增加条件", "level": 1}]},
    )
    assert (tags.valid_from, tags.tags[0].in_use) == (date(2022, 1, 1), True)


@pytest.mark.parametrize(
    ("kind", "change", "field"),
    [
        ("rating", {"level": None}, "level"),
        ("rating", {"level": 6}, "level"),
        ("rating", {"level": "5"}, "level"),
        ("rating", {"rated_at": "2026-11-20T15:24:00"}, "rated_at"),
        ("rating", {"satisfaction": 5}, "satisfaction"),
        ("rating", {"text": None}, "text"),
        ("service", {"applicant": {"name": "群众甲"}}, "applicant.kind"),
        ("service", {"accepted_at": (FRIDAY + timedelta(days=1)).isoformat(), "finished_at": FRIDAY.isoformat()},
         "finished_at"),
        ("validity", {"validity": "gone"}, "validity"),
        ("revocation", {"ground": "inconvenient"}, "ground"),
    ],
)  # fmt: skip
def test_b15_b16_a_message_that_is_not_whole_stops_here(kind: str, change: dict[str, Any], field: str) -> None:
    whole = messages.envelope(UPWARD[kind], kind=kind, **KEY)
    broken = Message(kind, 1, whole.area_code, whole.organization_code, "C-1", 1, FRIDAY, {**whole.body, **change})
    with pytest.raises(messages.NotCanonical) as refused:
        messages.typed(broken)
    assert refused.value.field == field


@pytest.mark.django_db
@pytest.mark.usefixtures("world")
def test_what_the_stages_build_is_canonical_every_kind_of_it() -> None:
    story = Story()
    story.followed()
    rate(story.service, 5, at=story.later(), tags=(), text="")
    silent = receive(service_row("C-2"))[0]
    defaults_make(at=silent.default_due_at)
    rate(silent, 1, at=silent.default_due_at + timedelta(hours=1), tags=(), text="补一句")
    rows = list(OutboxMessage.objects.order_by("id"))
    built = building.build(rows)
    assert {row.kind for row in rows} == {"service", "rating", "case", "rerating", "default", "supplementary"}
    for row in rows:
        assert messages.typed(built[row.pk]), row.kind
