"""The pages of 考核, in a browser's place: what they show, to whom, and that the files say the same."""

from __future__ import annotations

import csv
import html
import io
import re
from datetime import date

import openpyxl
import pytest
from django.test import Client
from django.urls import reverse

from minping import law
from minping.assess import view
from minping.assess.api import indicators_json
from minping.assess.indicators import indicators
from minping.assess.models import QuarterReport
from minping.kernel import clock
from tests.assess import world
from tests.assess.world import HEAD, NOW, OFFICE, beijing

pytestmark = pytest.mark.usefixtures("office")
ASKED = {"unit": OFFICE, "from": "2026-11-01", "to": "2026-11-30", "as_of": "2026-12-30"}  # a Wednesday


@pytest.fixture(autouse=True)
def _now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: beijing("2027-01-05"))  # Tuesday


def signed_in(role: str, **where: str) -> Client:
    client = Client()
    client.force_login(world.account(role, role, **where), backend="django.contrib.auth.backends.ModelBackend")
    return client


def text_of(response: object) -> str:
    found = re.sub(r"<[^>]+>", " ", response.content.decode())  # type: ignore[attr-defined]
    return re.sub(r"\s+", " ", html.unescape(found))


def test_the_page_shows_each_indicator_as_a_sentence_with_n_of_n() -> None:
    world.november()
    response = signed_in("head").get(reverse("indicators"), ASKED)
    assert response.status_code == 200
    text = text_of(response)
    for one in indicators(OFFICE, date(2026, 11, 1), date(2026, 11, 30), date(2026, 12, 30)):
        assert one.label in text and law.clauses()[one.clause].place in text and one.formula in text
    assert "全部 16 次服务（16 件办件）里，8 次是好评，其中 4 次是默认满意。" in text
    assert "不含默认满意：4/16，25.00%" in text
    assert "样本过少" in text


def test_the_switch_sets_the_defaults_apart() -> None:
    world.november()
    text = text_of(signed_in("head").get(reverse("indicators"), {**ASKED, "with_defaults": "0"}))
    assert "全部 16 次服务（16 件办件）里，4 次是好评。" in text
    assert "计入默认满意：8/16，50.00%" in text


def test_every_number_opens_onto_its_rows() -> None:
    world.november()
    client = signed_in("head")
    page = client.get(reverse("indicators"), ASKED)
    for one in page.context["indicators"]:
        rows = client.get(one["rows_url"])
        assert rows.status_code == 200
        assert [part["count"] for part in rows.context["parts"] if part["active"]] == [one["denominator"]]
        for part in rows.context["parts"]:
            assert client.get(part["url"]).status_code == 200


def test_the_files_say_what_the_page_says() -> None:
    world.november()
    client = signed_in("head")
    for switch in ("1", "0"):
        page = client.get(reverse("indicators"), {**ASKED, "with_defaults": switch})
        shown = [
            (
                one["label"],
                one["value_text"],
                str(one["numerator"]),
                str(one["denominator"]),
                str(one["defaults"]),
            )
            for one in page.context["indicators"]
        ]
        table = client.get(page.context["csv_url"]).content.decode("utf-8-sig")
        read = list(csv.DictReader(io.StringIO(table)))
        assert [
            (row["指标"], row["结果"], row["分子"], row["分母"], row["默认"]) for row in read[: len(shown)]
        ] == shown
        lines = page.context["children"]["rows"]
        assert [row["单位"] for row in read[len(shown) :: len(shown)]] == [line["name"] for line in lines]
        for line, start in zip(lines, range(len(shown), len(read), len(shown)), strict=True):
            assert [f"{row['分子']}/{row['分母']}" for row in read[start : start + len(shown)]] == [
                cell["note"] for cell in line["cells"][2:]
            ]
        book = openpyxl.load_workbook(io.BytesIO(client.get(page.context["xlsx_url"]).content)).active
        assert book is not None
        cells = [["" if value is None else str(value) for value in row] for row in book.iter_rows(values_only=True)]
        assert cells == [list(row) for row in csv.reader(io.StringIO(table))]


def test_the_rows_export_holds_every_row_of_the_page() -> None:
    world.november()
    client = signed_in("head")
    page = client.get(reverse("indicator_rows", args=["praise", "denominator"]), ASKED)
    read = list(csv.reader(io.StringIO(client.get(page.context["csv_url"]).content.decode("utf-8-sig"))))
    assert read[0] == page.context["columns"]
    assert [row[3] for row in read[1:]] == [row["cells"][3] for row in page.context["rows"]]
    assert len(read) - 1 == 16


def test_words_reach_the_export_untouched() -> None:
    words = "=第一行\n“二”,三\t🙂"
    world.rating(world.service("2026-11-02"), 5, "2026-11-02", text=words)
    client = signed_in("head")
    page = client.get(reverse("indicator_rows", args=["praise", "denominator"]), ASKED)
    book = openpyxl.load_workbook(io.BytesIO(client.get(page.context["xlsx_url"]).content)).active
    assert book is not None
    assert list(book.iter_rows(values_only=True))[1][-1] == words


@pytest.mark.parametrize(
    ("role", "where", "asked", "status"),
    [
        ("head", {}, OFFICE, 200),
        ("unit", {"organization": world.CENTER}, world.CENTER, 200),
        ("unit", {"organization": world.CENTER}, f"{world.CENTER}/W1", 200),
        ("unit", {"organization": world.CENTER}, OFFICE, 403),
        ("unit", {"organization": world.CENTER, "window": "W1"}, f"{world.CENTER}/W1", 200),
        ("unit", {"organization": world.CENTER, "window": "W1"}, f"{world.CENTER}/W2", 403),
        ("unit", {"organization": world.CENTER, "window": "W1"}, world.CENTER, 403),
        ("clerk", {"organization": world.CENTER, "window": "W1"}, f"{world.CENTER}/W1", 403),
        ("head", {"organization": "NB"}, OFFICE, 403),
        ("head", {}, "XX", 404),
    ],
)
def test_each_sees_the_figures_of_its_own_place_only(role: str, where: dict[str, str], asked: str, status: int) -> None:
    client = signed_in(role, **where)
    addresses = [
        reverse("indicators"), reverse("indicators_export", args=["csv"]),
        reverse("indicator_rows", args=["praise", "denominator"]),
        reverse("indicator_rows_export", args=["praise", "denominator", "xlsx"]), reverse("quarter"),
        reverse("quarter_export", args=["xlsx"]),
    ]  # fmt: skip
    for address in addresses:
        assert client.get(address, {**ASKED, "unit": asked}).status_code == status, address


def test_without_a_query_each_gets_its_own_place_this_year_up_to_today() -> None:
    for role, where, key in (
        ("head", {}, OFFICE), ("unit", {"organization": world.CENTER, "window": "W1"}, f"{world.CENTER}/W1"),
    ):  # fmt: skip
        context = signed_in(role, **where).get(reverse("indicators")).context
        assert (context["unit"]["code"], context["from"], context["to"]) == (key, "2027-01-01", "2027-01-05")


def test_wrong_dates_are_said_on_the_form() -> None:
    client = signed_in("head")
    for wrong in ({"from": "2026-13-01"}, {"from": "2026-12-01", "to": "2026-11-01"}):
        response = client.get(reverse("indicators"), {"unit": OFFICE, **wrong})
        assert response.status_code == 422
        assert response.context["error"]
    assert client.get(reverse("indicator_rows", args=["praise", "denominator"]), {"page": "x"}).status_code >= 400


def test_a_visitor_is_sent_to_sign_in() -> None:
    assert Client().get(reverse("indicators")).status_code == 302


def test_the_quarter_is_sent_from_its_page_once_and_then_stands() -> None:
    world.november()
    client = signed_in("head")
    asked = {"unit": OFFICE, "year": "2026", "quarter": "4"}
    draft = client.get(reverse("quarter"), asked)
    assert not draft.context["sent"] and len(draft.context["actions"]) == 1
    assert draft.context["clock"]["clause"] == "minan/4.2.4"
    assert client.post(reverse("quarter_send"), asked).status_code == 302
    page = client.get(reverse("quarter"), asked)
    assert page.context["sent"] and page.context["actions"] == []
    assert "本季度收到差评 7 件。" in text_of(page)
    assert client.post(reverse("quarter_send"), asked).status_code == 409
    assert QuarterReport.objects.count() == 1
    shown = [table for section in page.context["sections_of_report"] for table in section["tables"]]
    book = openpyxl.load_workbook(io.BytesIO(client.get(page.context["xlsx_url"]).content))
    for sheet, table in zip(book.worksheets, shown, strict=False):
        rows = [tuple("" if cell is None else cell for cell in row) for row in sheet.iter_rows(values_only=True)]
        assert rows == [tuple(table["heads"]), *(tuple(row["cells"]) for row in table["rows"])]


def test_who_may_only_read_sees_the_draft_without_the_button() -> None:
    page = signed_in("reviewer").get(reverse("quarter"), {"unit": OFFICE, "year": "2026", "quarter": "4"})
    assert page.status_code == 200 and page.context["actions"] == []
    assert signed_in("auditor").post(reverse("quarter_send"), {"unit": OFFICE}).status_code == 403


def test_the_quarter_without_a_query_is_the_last_one_over_of_who_owes_it() -> None:
    page = signed_in("head").get(reverse("quarter"))
    assert (page.context["unit"]["code"], "2026年第四季度" in page.context["title"]) == (OFFICE, True)


def test_today_means_this_moment_and_a_past_day_its_end() -> None:
    today = view.query_of({"unit": OFFICE, "as_of": "2026-11-23"}, HEAD, NOW)  # Monday
    assert today.as_of == NOW
    assert view.query_of({"unit": OFFICE, "as_of": "2026-11-22"}, HEAD, NOW).as_of == date(2026, 11, 22)  # Sunday


def test_the_api_gives_the_same_numbers_flat() -> None:
    world.november()
    told = indicators_json(OFFICE, date(2026, 11, 1), date(2026, 11, 30), date(2026, 12, 30))
    wanted = {
        "id", "clause", "numerator", "denominator", "value", "services", "cases", "ratings", "defaults", "invalid",
        "pending_revocation", "rule_version",
    }  # fmt: skip
    assert [one["id"] for one in told] == ["participation", "praise", "rectified", "follow_up", "reporting"]
    for one, same in zip(
        told, indicators(OFFICE, date(2026, 11, 1), date(2026, 11, 30), date(2026, 12, 30)), strict=True
    ):
        assert wanted <= set(one)
        assert (one["numerator"], one["denominator"], one["value"]) == (
            same.numerator,
            same.denominator,
            same.value,
        )
        assert one["value"] is None or 0 <= one["value"] <= 1
    assert indicators_json(OFFICE, date(2026, 11, 1), date(2026, 11, 30))[1]["services"] == 16
