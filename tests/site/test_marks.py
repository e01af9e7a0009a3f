"""标记: one's own word on a case, shown on the line; nobody else sees it, and it moves nothing."""

from __future__ import annotations

from typing import Any

import pytest

from minping.feedback.models import Case
from minping.kernel import journal
from minping.kernel.models import JournalEntry
from minping.site import marks
from minping.site.models import Mark
from tests.support.world import FRIDAY, Story, actor, rate, receive, service_row, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]


def mark(username: str, case: Case, **said: str) -> Any:
    return signed_in(username).post(f"/desk/mine/{case.pk}/mark/", said, follow=True)


def test_a_marked_case_stands_in_its_view_with_the_word_and_on_each_line() -> None:
    case, other = Story("M-1").negative(), Story("M-2").negative()
    assert mark("reviewer", case, word=" 等材料 ").redirect_chain[0][0] == f"/desk/mine/{case.pk}/"
    page = signed_in("reviewer").get("/desk/marked/")
    assert [(row["number"], row["mark"]) for row in page.context["rows"]] == [(case.number, "等材料")]
    assert (
        next(one["count"] for group in page.context["groups"] for one in group["views"] if one["id"] == "marked") == 1
    )
    lines = {row["number"]: row["mark"] for row in signed_in("reviewer").get("/desk/verify/").context["rows"]}
    assert lines == {case.number: "等材料", other.number: ""}


def test_the_word_can_be_changed_and_taken_away_and_the_case_is_untouched() -> None:
    case = Story().negative()
    before = Case.objects.values().get()
    mark("reviewer", case, word="等材料")
    mark("reviewer", case, word="等回电")
    assert [one.word for one in Mark.objects.all()] == ["等回电"]
    mark("reviewer", case, clear="1")
    mark("reviewer", case, clear="1")
    assert not Mark.objects.exists()
    assert Case.objects.values().get() == before
    actions = JournalEntry.objects.filter(action__startswith="mark.").values_list("action", "data")
    assert [action for action, _ in actions] == ["mark.set", "mark.set", "mark.cleared"]
    assert all("等" not in data for _, data in actions)
    assert journal.verify().clean


def test_nobody_else_sees_it_and_nobody_marks_what_they_may_not_open() -> None:
    case = Story().confirmed().case
    mark("reviewer", case, word="等材料")
    for username in ("head", "window3"):
        assert "等材料" not in signed_in(username).get(f"/desk/mine/{case.pk}/").content.decode().replace(
            '<option value="等材料">', ""
        )
        assert signed_in(username).get("/desk/marked/").context["rows"] == []
    for username in ("neighbour", "window5", "operator"):
        assert mark(username, case, word="等材料").status_code == 404
    assert Mark.objects.count() == 1


@pytest.mark.parametrize("word", ["", "  ", "打 138 0000 0000", "350213190001010011", "长" * 21])
def test_an_empty_or_long_word_and_a_number_of_somebody_are_refused(word: str) -> None:
    case = Story().negative()
    page = mark("reviewer", case, word=word).content.decode()
    assert "note danger" in page
    assert not Mark.objects.exists()


def test_a_mark_on_what_one_may_no_longer_open_is_not_shown() -> None:
    case = Story().negative()
    mark("reviewer", case, word="等材料")
    Case.objects.update(organization_code="neighbour", seat_code="neighbour")
    assert signed_in("reviewer").get("/desk/marked/").context["rows"] == []


def test_a_list_of_marks_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(marks, "MOST", 2)
    for service in receive(*(service_row(f"M-{n}") for n in range(3))):
        rate(service, 2)
    first, second, third = Case.objects.order_by("id")
    for case in (first, second, first):
        marks.mark_set(case_id=case.pk, word="再看", by=actor("reviewer"), at=FRIDAY)
    with pytest.raises(marks.TooManyMarks):
        marks.mark_set(case_id=third.pk, word="再看", by=actor("reviewer"), at=FRIDAY)


def test_skipping_through_the_marked_goes_from_one_to_the_next() -> None:
    cases = [Story(f"M-{n}").negative() for n in range(3)]
    for case in cases:
        mark("reviewer", case, word="再看")
    browser = signed_in("reviewer")
    rows = browser.get("/desk/marked/").context["rows"]
    page = browser.get(rows[0]["url"])
    for row in rows[1:]:
        page = browser.get(page.context["skip_url"])
        assert page.context["case"]["number"] == row["number"]
