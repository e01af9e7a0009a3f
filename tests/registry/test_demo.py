"""The demonstration office: made once, kept ever after."""

from __future__ import annotations

import stat

import pytest

from minping.kernel.access import SYSTEM
from minping.kernel.clock import now
from minping.kernel.home import home
from minping.kernel.models import Account, JournalEntry
from minping.registry import demo, export, queries
from minping.registry.models import Organization

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_passwords() -> None:
    (home().path / demo.FILE).unlink(missing_ok=True)


def test_the_first_call_makes_the_office_and_its_accounts() -> None:
    passwords = demo.load(by=SYSTEM, at=now())
    assert list(passwords) == [
        "reviewer",
        "window3",
        "unit",
        "head",
        "operator",
        "auditor",
        "discipline",
        "second",
        "district",
    ]
    for username, password in passwords.items():
        account = Account.objects.get(username=username)
        assert password is not None and account.check_password(password)
    file = home().path / demo.FILE
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert JournalEntry.objects.filter(action="account.created").count() == len(passwords)
    clerk = queries.actor_of(Account.objects.get(username="window3"), now().date())
    assert clerk.windows == {("minan-center", "03")}
    assert clerk.staff_code == "w03"
    reviewer = queries.actor_of(Account.objects.get(username="reviewer"), now().date())
    assert reviewer.can("case.verify", "/minan/minan-agent-01/")


def test_a_second_call_keeps_everything_and_returns_what_is_stored() -> None:
    first = demo.load(by=SYSTEM, at=now())
    Organization.objects.filter(code="minan-center").update(name="改过的名称")
    before = dict(Account.objects.values_list("username", "password"))
    assert demo.load(by=SYSTEM, at=now()) == first
    assert dict(Account.objects.values_list("username", "password")) == before
    assert Organization.objects.get(code="minan-center").name == "改过的名称"


def test_a_password_that_the_file_lost_is_not_made_up() -> None:
    demo.load(by=SYSTEM, at=now())
    (home().path / demo.FILE).unlink()
    assert set(demo.load(by=SYSTEM, at=now()).values()) == {None}


def test_an_account_whose_making_was_cut_short_gets_the_password_already_written() -> None:
    first = demo.load(by=SYSTEM, at=now())
    Account.objects.filter(username="head").delete()
    assert demo.load(by=SYSTEM, at=now())["head"] == first["head"]
    assert Account.objects.get(username="head").check_password(first["head"] or "")


def test_the_registry_is_listed_with_codes_places_and_life() -> None:
    demo.load(by=SYSTEM, at=now())
    rows = export.rows()
    assert {row["kind"] for row in rows} == {"area", "organization", "window", "staff", "device", "item", "package"}
    assert all({"kind", "code", "name", "organization_code", "parent", "path", "live"} <= set(row) for row in rows)
    center = next(row for row in rows if row["code"] == "minan-center")
    assert (center["parent"], center["path"], center["type"]) == ("minan", "/minan/minan-center/", "center")
    window = next(row for row in rows if row["kind"] == "window" and row["organization_code"] == "minan-center")
    assert (window["code"], window["path"], window["live"]) == ("01", "/minan/minan-center/", True)
    items = export.items()
    assert len(items) == 16 and sum("birth" in item["packages"] for item in items) == 4
