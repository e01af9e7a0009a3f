"""一件事: one overall rating or each item on its own; one's own word prevails (minan/3.4.3, R10)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.test import Client

from minping.evaluate import services, tokens
from minping.evaluate.messages import rating_messages
from minping.evaluate.models import PackageRating, Rating, Service
from minping.evaluate.queries import records_between
from minping.evaluate.services import Press, package_change, package_rate, service_invalidate
from minping.feedback.models import Case
from minping.upstream.models import OutboxMessage
from tests.support.world import FRIDAY, OTHER_ITEM, press, rate, receive, service_row

pytestmark = pytest.mark.django_db
PACKAGE = "YJS-20261120-1"


@pytest.fixture
def parts(world: None) -> list[Service]:
    """Three items of one person, the second of another item, and the same package number of another person."""
    other = {"kind": "person", "name": "群众乙", "cert_type": "111", "cert_no": "350213190001010038", "phone": ""}
    rows = [
        service_row("MA20261120-1001", package_no=PACKAGE),
        service_row("MA20261120-1002", package_no=PACKAGE, item_code=OTHER_ITEM, window_code="05", staff_code="w05"),
        service_row("MA20261120-1003", package_no=PACKAGE),
        service_row("MA20261120-1004", package_no=PACKAGE, applicant={**other, "phone": "13800000001"}),
    ]
    return receive(*rows)[:3]


def overall(parts: list[Service], level: int = 5, **more: object) -> Press:
    return replace(press(parts[0], level), **more)  # type: ignore[arg-type]


def test_an_overall_rating_reaches_each_item_with_its_origin_and_nobody_elses(parts: list[Service]) -> None:
    receipt = package_rate(overall(parts))
    shares = Rating.objects.order_by("service__case_no")
    assert [(r.service_id, r.kind, r.entry, r.level, r.ordinal) for r in shares] == [
        (part.pk, "package", "package", 5, 0) for part in parts
    ]
    assert {share.package_id for share in shares} == {receipt.package.pk}
    assert OutboxMessage.objects.filter(kind="rating").count() == 3
    messages = rating_messages([share.pk for share in shares])
    for message in messages.values():
        assert message.body["entry"] == "package"
        assert message.body["package_rating"] == receipt.package.pk.hex
        assert message.body["assess_no"] == 1
    assert Service.objects.filter(outcome="none").count() == 1  # the other person's


@pytest.mark.parametrize("own_first", [True, False], ids=["own word first", "overall first"])
def test_ones_own_word_on_an_item_prevails_whichever_came_first(parts: list[Service], own_first: bool) -> None:
    later = parts[0].served_at + timedelta(minutes=30)
    if own_first:
        rate(parts[1], 2)
        package_rate(overall(parts, at=later))
    else:
        package_rate(overall(parts))
        rate(parts[1], 2, at=later)
    own = Rating.objects.get(service=parts[1], kind="first")
    assert (own.level, own.ordinal) == (2, 1)
    assert own.revision == (1 if own_first else 2)  # above it follows the share as the newer version
    standing = {r.subject for r in records_between(FRIDAY, FRIDAY + timedelta(days=1)) if r.kind == "rating"}
    assert own.pk in standing
    assert len(standing) == 3
    assert Case.objects.get().rating_id == own.pk


def test_the_same_press_twice_is_one_overall_rating(parts: list[Service]) -> None:
    first = package_rate(overall(parts, tags=None, text=None))
    second = package_rate(overall(parts, tags=None, text=None))
    assert (first.made, second.made) == (True, False)
    assert second.package.pk == first.package.pk
    assert (PackageRating.objects.count(), Rating.objects.count()) == (1, 3)


def test_another_level_later_is_refused_and_nothing_changes(parts: list[Service]) -> None:
    package_rate(overall(parts))
    with pytest.raises(services.AlreadyRated):
        package_rate(overall(parts, 1))
    assert set(Rating.objects.values_list("level", flat=True)) == {5}
    assert PackageRating.objects.count() == 1


def test_a_negative_overall_rating_opens_one_case_that_names_the_items(parts: list[Service]) -> None:
    package_rate(overall(parts, 1))
    case = Case.objects.get()
    assert case.service_id == parts[0].pk
    assert case.item_name == (
        "一件事（3 项）：城乡居民基本医疗保险参保登记、老年优待证申领、城乡居民基本医疗保险参保登记"
    )


def test_a_change_within_the_minutes_reaches_every_share_but_no_word_of_ones_own(parts: list[Service]) -> None:
    receipt = package_rate(overall(parts))
    rate(parts[1], 4, at=parts[0].served_at + timedelta(minutes=5))
    change = overall(
        parts, 2, change=receipt.change_token, text="材料要了两次。", at=parts[0].served_at + timedelta(minutes=6)
    )
    package_change(receipt.package.pk, change)
    assert Rating.objects.get(service=parts[0]).level == Rating.objects.get(service=parts[2]).level == 2
    assert Rating.objects.get(service=parts[1], kind="first").level == 4
    assert Rating.objects.get(service=parts[1], kind="package").level == 5
    assert Case.objects.get().level == 2
    with pytest.raises(services.AlreadyRated):
        package_change(receipt.package.pk, replace(change, change="x" * 24))
    with pytest.raises(services.AlreadyRated):
        package_change(receipt.package.pk, replace(change, at=change.at + timedelta(minutes=60), level=5, tags=None))


def test_a_bad_reason_refuses_the_whole_and_writes_nothing(parts: list[Service]) -> None:
    with pytest.raises(services.TagMismatch):
        package_rate(overall(parts, 5, tags=("210",)))
    assert not Rating.objects.exists()


def test_a_revoked_overall_rating_is_invalid_wherever_no_word_of_ones_own_stands(parts: list[Service]) -> None:
    package_rate(overall(parts, 1))
    rate(parts[1], 5, at=parts[0].served_at + timedelta(minutes=30))
    service_invalidate(rating=Case.objects.get().rating, at=parts[0].served_at + timedelta(days=3))
    outcomes = [Service.objects.get(pk=part.pk).outcome for part in parts]
    assert outcomes == ["invalid", "rating", "invalid"]


def test_a_service_of_no_package_says_so(world: None) -> None:
    alone = receive()[0]
    with pytest.raises(services.NotAPackage):
        package_rate(press(alone, 5))


# --- the page ----------------------------------------------------------------------------------


def address(service: Service, tail: str = "") -> str:
    return f"/r/{tokens.invitation_token(service.pk)}{tail}"


def test_the_page_rates_the_whole_takes_reasons_and_leads_to_each_item(parts: list[Service], client: Client) -> None:
    assert address(parts[0], "/package") in client.get(address(parts[0])).content.decode()
    page = client.get(address(parts[0], "/package"))
    assert page.status_code == 200
    assert "一共办了 3 项" in page.content.decode()
    assert address(parts[1]) in page.content.decode()
    answer = client.post(address(parts[0], "/package"), {"step": "level", "level": "2"})
    assert answer.status_code == 303
    reasons = client.get(answer["Location"]).content.decode()
    assert "总评已保存：不满意" in reasons
    done = client.post(
        address(parts[0], "/package"), {"step": "reasons", "level": "2", "tags": "210", "text": "等久了"}
    )
    assert done.status_code == 303
    assert set(Rating.objects.values_list("text", flat=True)) == {"等久了"}
    shown = client.get(address(parts[0], "/package")).content.decode()
    assert "不满意（套餐总评）" in shown
    assert "总体满意吗" not in shown
    assert "单独评价这一项" in client.get(address(parts[1])).content.decode()


def test_the_receipt_of_each_item_tells_how_far_the_one_case_is(parts: list[Service], client: Client) -> None:
    package_rate(overall(parts, 1))
    for part in parts:
        assert "专人电话回访" in client.get(address(part)).content.decode()


def test_opening_the_page_writes_nothing_and_a_lone_service_goes_to_its_own(
    parts: list[Service], client: Client
) -> None:
    for part in parts:
        client.get(address(part, "/package"))
    assert not Rating.objects.exists()
    alone = receive(service_row("MA20261120-2001"))[0]
    assert client.get(address(alone, "/package"))["Location"] == address(alone)
    assert client.get("/r/doesnotexist/package").status_code == 404


def test_another_browser_cannot_change_the_overall_rating(parts: list[Service], client: Client) -> None:
    client.post(address(parts[0], "/package"), {"step": "level", "level": "5"})
    stranger = Client()
    answer = stranger.post(address(parts[0], "/package"), {"step": "level", "level": "1", "change": "1"})
    assert answer.status_code == 409
    assert set(Rating.objects.values_list("level", flat=True)) == {5}
