"""Two districts under one city, two streets under one district: nothing crosses, everything sums (issue 5, 3c).

The city is this installation; what its districts send is written as their drivers write it.
"""

from __future__ import annotations

import threading
from collections import Counter
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection

from minping.assess.api import indicators_json
from minping.evaluate.models import Rating, Service
from minping.feedback import authority
from minping.feedback.models import Case, Revocation
from minping.kernel import access, clock, journal
from minping.kernel.access import SYSTEM
from minping.kernel.models import Account, ApiKey, Assignment, JournalEntry
from minping.registry import queries as registry
from minping.registry.models import Area, Organization
from minping.upstream.below.down import take_down
from minping.upstream.models import FromBelow, SentDown, Subordinate, Task
from tests.support import levels
from tests.support.levels import application, case, message, post, rating, service, validity
from tests.support.world import FRIDAY, PASSWORD, actor

pytestmark = pytest.mark.django_db
NOW = FRIDAY + timedelta(days=1)
CITY = "350200"
# district: its area, and its streets with theirs
TREE = {
    "xiangan": ("350213", {"minan": "350213005", "xindian": "350213006"}),
    "siming": ("350203", {"xiagang": "350203001", "gulangyu": "350203012"}),
}
STREETS = {street: (district, area) for district, (_, streets) in TREE.items() for street, area in streets.items()}


def tree() -> None:
    """A city with two districts of two streets each, and somebody with the authority of the city."""

    def organization(code: str, kind: str, area: str, parent: str = "") -> None:
        where, _ = Area.objects.get_or_create(code=area, defaults={"name": code})
        above = Organization.objects.get(pk=parent) if parent else None
        path = f"{above.path if above else '/'}{code}/"
        Organization.objects.create(code=code, name=code, kind=kind, area=where, parent=above, path=path)

    organization("xiamen", "authority", CITY)
    for district, (area, streets) in TREE.items():
        organization(district, "authority", area, "xiamen")
        for street, own in streets.items():
            organization(street, "office", own, district)
            organization(f"{street}-center", "center", own, street)
    account = Account.objects.create_account("authority", "authority", PASSWORD, staff_code="authority")
    Assignment.objects.create(account=account, role="authority", organization_code="xiamen")
    registry.forget()


@pytest.fixture
def city(db: None, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.MINPING_AREA = CITY
    settings.MINPING_PROVINCE, settings.MINPING_PROVINCE_PROFILE = "", "end"
    tree()
    monkeypatch.setattr(clock, "now", lambda: NOW)


def of(street: str) -> dict[str, Any]:
    """Where a message of a street's centre belongs."""
    return {"organization_code": f"{street}-center", "area_code": STREETS[street][1]}


def send(district: str, *rows: Any, secret: str = "") -> list[str]:
    answer = post("messages", {"messages": list(rows)}, secret or levels.key(district))
    assert answer.status_code == 200, answer.content
    return [f"{one['result']}:{one.get('code', '')}".rstrip(":") for one in answer.json()["answers"]]


def day_of(street: str, words: list[int | None]) -> list[Any]:
    """A day of a street: as many services as words, numbered from 000001; None is silence, a default."""
    rows: list[Any] = []
    for n, level in enumerate(words, 1):
        given, where = uuid4(), {**of(street), "case_no": f"{n:06d}"}
        rows.append(service(given, **where))
        if level is None:
            made = levels.iso(FRIDAY + timedelta(hours=1))
            body = {"level": 4, "level_system": "interface", "made_by_rule": "default 7", "made_at": made}
            rows.append(message("default", body, given, **where))
        else:
            rows.append(rating(uuid4(), level, body={"tags": [], "text": "慢" if level < 3 else ""}, **where))
    return rows


DAYS: dict[str, list[int | None]] = {
    "minan": [5, 5, 4, 2, None], "xindian": [1, 3, None, None, 5, 5], "xiagang": [4], "gulangyu": [2, 2, 5],
}  # fmt: skip


def figures(unit: str) -> dict[str, Counter[str]]:
    """Every indicator's counts of a unit for the day."""
    day = date(2026, 11, 20)
    return {
        row["id"]: Counter(
            {name: value for name, value in row.items() if isinstance(value, int) and not isinstance(value, bool)}
        )
        for row in indicators_json(unit, day, day)
    }  # fmt: skip


def test_the_same_local_numbers_in_every_street_stay_apart_and_everything_sums(city: None) -> None:
    for street, words in DAYS.items():
        assert set(send(STREETS[street][0], *day_of(street, words))) == {"accepted"}
    assert Service.objects.filter(case_no="000001").count() == len(DAYS)
    for street, words in DAYS.items():
        got = Rating.objects.filter(service__organization_code=f"{street}-center").values_list(
            "service__case_no", "level"
        )
        assert sorted(got) == [(f"{n:06d}", level) for n, level in enumerate(words, 1) if level is not None]
    streets = {street: figures(street) for street in DAYS}
    for district, (_, own) in TREE.items():
        told = figures(district)
        assert told.keys() == streets["minan"].keys()
        for key, counts in told.items():
            assert counts == _sum(streets[street][key] for street in own), key
    whole = figures("xiamen")
    for key, counts in whole.items():
        assert counts == _sum(figures(district)[key] for district in TREE), key
    assert any(sum(counts.values()) for counts in whole.values())
    assert journal.verify().clean


def _sum(parts: Any) -> Counter[str]:
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part)
    return total


def test_a_number_that_two_children_give_is_the_first_ones(city: None) -> None:
    """A copied database, a restored backup: one subject in two districts is nobody's update."""
    given, word = uuid4(), uuid4()
    assert send("xiangan", service(given, **of("minan")), rating(word, 2, **of("minan"))) == ["accepted"] * 2
    assert send("siming", service(given, **of("xiagang"))) == ["never:not_yours"]
    own = service(uuid4(), **of("xiagang"))
    assert send("siming", own, rating(word, 5, revision=2, **of("xiagang"))) == ["accepted", "never:not_yours"]
    assert Rating.objects.get(pk=word).level == 2
    assert FromBelow.objects.filter(subordinate="siming").count() == 1


def test_a_child_that_reports_for_another_is_refused_with_a_task(city: None) -> None:
    rows = [service(uuid4(), **of("xiagang"), case_no=f"{n:06d}") for n in range(3)]
    assert send("xiangan", *rows, service(**of("minan"))) == ["never:organization_out_of_scope"] * 3 + ["accepted"]
    assert not Service.objects.filter(organization_code="xiagang-center").exists()
    task = Task.objects.get(kind="below")
    assert task.target == "xiangan" and "xiagang-center" in task.text and "3 条" in task.text
    send("xiangan", *rows)
    assert Task.objects.count() == 1  # one matter, however often it is tried
    assert send("siming", service(**of("xiagang"))) == ["accepted"]  # whose it is, is not kept from it


def test_within_one_district_a_street_writes_into_no_other_streets_record(city: None) -> None:
    """Both come with the district's key: what keeps them apart is the record itself."""
    given, word, negative, asked = (uuid4() for _ in range(4))
    mine, theirs = of("minan"), of("xindian")
    number = {"case_number": "差评-20261120-AAAAAAA"}
    assert send(
        "xiangan", service(given, **mine), rating(word, **mine), case(negative, word, **mine), service(**theirs)
    ) == ["accepted"] * 4  # fmt: skip
    stolen = [
        rating(word, 5, revision=2, **theirs),
        case(negative, word, "closed", 2, **theirs),
        application(asked, body=number, **theirs),
        validity(asked, body=number, **theirs),
    ]
    assert send("xiangan", *stolen) == ["never:not_yours"] * 4
    assert (Rating.objects.get(pk=word).level, Case.objects.get(pk=negative).state) == (2, "verifying")
    assert not Revocation.objects.exists()
    # A negative of another street's rating is not opened either, under whatever number.
    opened = case(uuid4(), word, body={"case_number": "差评-20261120-BBBBBBB"}, **theirs)
    assert send("xiangan", opened) == ["later:earlier_missing"]


def disputed(street: str, number: str) -> tuple[UUID, UUID]:
    negative, asked, word = uuid4(), uuid4(), uuid4()
    where, said = {**of(street), "case_no": number}, {"case_number": f"差评-20261120-{street[:3].upper()}{number}"}
    assert set(
        send(
            STREETS[street][0], service(**where), rating(word, **where), case(negative, word, body=said, **where),
            application(asked, body=said, **where), validity(asked, body=said, **where),
            case(negative, word, "revoking", 2, body=said, **where),
        )
    ) == {"accepted"}  # fmt: skip
    return negative, asked


def decide(negative: UUID) -> None:
    said = {"text": "回访记录清楚。"}
    authority.revocation_decide(case_id=negative, verb="grant", said=said, by=actor("authority", NOW), at=NOW)


def test_each_child_has_an_order_of_its_own_and_takes_only_its_own(city: None) -> None:
    for n in range(2):
        for street in ("minan", "xiagang"):
            decide(disputed(street, f"{n + 1:06d}")[0])
    assert sorted(SentDown.objects.values_list("subordinate", "number")) == [
        ("siming", 1), ("siming", 2), ("xiangan", 1), ("xiangan", 2),
    ]  # fmt: skip
    down = post("down", {"after": 0}, levels.key("xiangan")).json()
    assert down["cursor"] == 2
    assert {one["content"]["case_number"].split("-")[2][:3] for one in down["items"]} == {"MIN"}
    # One has taken all of its own; of the other's nothing is thereby said.
    post("down", {"after": 2}, levels.key("xiangan"))
    taken = dict(Subordinate.objects.values_list("organization_code", "taken"))
    assert taken == {"xiangan": 2, "siming": 0}
    # A number that was never given says nothing.
    post("down", {"after": 9999}, levels.key("siming"))
    assert Subordinate.objects.get(pk="siming").taken == 0


def test_a_child_that_is_down_holds_up_no_other_and_misses_nothing(city: None) -> None:
    down, up = disputed("xiagang", "000001"), disputed("minan", "000001")
    decide(down[0])
    decide(up[0])
    for day in range(5):  # the one goes on asking, the other is away
        take_down("xiangan", 1, at=NOW + timedelta(days=day))
        assert send("xiangan", service(**of("minan"), case_no=f"9{day:05d}")) == ["accepted"]
    away = Subordinate.objects.get(pk="siming")
    assert away.last_number - away.taken == 1
    back = take_down("siming", 0, at=NOW + timedelta(days=6))
    assert [one["number"] for one in back["items"]] == [1]


def test_a_revoked_key_shuts_out_its_owner_and_nobody_else(city: None) -> None:
    lost, kept = levels.key("siming"), levels.key("xiangan")
    assert send("siming", service(**of("xiagang")), secret=lost) == ["accepted"]
    access.key_revoke(key_id=ApiKey.objects.get(organization_code="siming").pk, by=SYSTEM, at=NOW)
    waiting = service(**of("xiagang"), case_no="000002")
    for path, body in (
        ("messages", {"messages": [waiting]}),
        ("down", {"after": 0}),
        ("organizations", {"organizations": []}),
    ):
        assert post(path, body, lost).status_code == 401
    assert not Service.objects.filter(case_no="000002").exists()
    assert send("xiangan", service(**of("minan"), case_no="000002"), secret=kept) == ["accepted"]
    assert send("siming", waiting, secret=levels.key("siming")) == ["accepted"]  # with a new key it all goes on
    assert JournalEntry.objects.filter(action="key.revoked").count() == 1


@pytest.mark.parametrize("direct", [True, False])
def test_a_key_of_one_street_reaches_no_other_even_where_its_district_could(city: None, direct: bool) -> None:
    secret = levels.key("minan" if direct else "xiangan")
    answers = send("", service(**of("xindian")), service(**of("minan")), secret=secret)
    assert answers == (["never:organization_out_of_scope", "accepted"] if direct else ["accepted", "accepted"])


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite has one writer at a time")
def test_children_at_once_and_one_batch_sent_twice_at_once_make_each_record_once(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client whose patience ended sends the batch again while the first is still being taken."""
    settings.MINPING_AREA = CITY
    settings.MINPING_PROVINCE, settings.MINPING_PROVINCE_PROFILE = "", "end"
    tree()
    monkeypatch.setattr(clock, "now", lambda: NOW)
    batches = {street: day_of(street, [5, 2, None, 4]) for street in ("minan", "xiagang")}
    keys = {street: levels.key(STREETS[street][0]) for street in batches}
    results: list[str] = []

    def one(street: str) -> None:
        try:
            results.extend(send("", *batches[street], secret=keys[street]))
        finally:
            connection.close()

    threads = [threading.Thread(target=one, args=(street,)) for street in batches for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(results) == {"accepted": 16, "already": 32}
    assert (Service.objects.count(), Rating.objects.count(), FromBelow.objects.count()) == (8, 6, 16)
