"""网上大厅: the address of the one invitation, a rating from another's page, a way back that is nobody's trap."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from django.test import Client

from minping.evaluate import tokens
from minping.evaluate.models import Rating, Service
from minping.kernel import clock
from minping.kernel.access import SYSTEM, key_create
from minping.upstream.models import OutboxMessage
from tests.support.world import receive, service_row

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]
ORIGIN = "https://hall.example.test"


@pytest.fixture(autouse=True)
def origins(settings: Any) -> None:
    settings.MINPING_RETURN_ORIGINS = (ORIGIN,)


@pytest.fixture
def service() -> Service:
    at = clock.now()
    return receive(service_row(served_at=at), at=at)[0]


def call(
    path: str, body: dict[str, Any], can: str = "invitations:read,ratings:write", org: str = "minan-center"
) -> Any:
    secret = key_create(organization_code=org, permissions=can.split(","), label="大厅", by=SYSTEM, at=clock.now())
    return Client().post(
        f"/api/v1/{path}", json.dumps(body), content_type="application/json",
        headers={"Authorization": f"Bearer {secret}"},
    )  # fmt: skip


def asked(service: Service, **more: Any) -> dict[str, Any]:
    key = {name: getattr(service, name) for name in ("organization_code", "case_no", "service_no")}
    return {**key, "channel": "pc", **more}


def told(service: Service, level: int = 2, **more: Any) -> dict[str, Any]:
    return {"token": tokens.invitation_token(service.pk), "level": level, "channel": "pc", **more}


def test_the_address_is_that_of_the_one_invitation_and_asking_makes_nothing(service: Service) -> None:
    answers = [call("invitations", asked(service)).json() for _ in range(2)]
    assert answers[0] == answers[1]
    assert answers[0]["invitation_url"] == f"{tokens.invitation_url(service.pk)}?via=pc"
    assert not Rating.objects.exists()


def test_the_way_back_stands_on_the_receipt_and_only_there(service: Service) -> None:
    address = call("invitations", asked(service, return_url=f"{ORIGIN}/done?a=1&b=2")).json()["invitation_url"]
    person, path = Client(), address[address.index("/r/") :]
    assert ORIGIN not in person.get(path).content.decode()
    saved = person.post(path, {"step": "level", "level": "5"})
    done = person.post(saved["Location"], {"step": "reasons", "level": "5", "skip": "1"})
    assert f'href="{ORIGIN}/done?a=1&amp;b=2"' in person.get(done["Location"]).content.decode()
    assert Rating.objects.get().channel == "pc"


@pytest.mark.parametrize(
    "address",
    ["https://evil.test/", f"{ORIGIN}.evil.test/", f"{ORIGIN}@evil.test/", "//evil.test", "javascript:alert(1)",
     "http://hall.example.test/", f"{ORIGIN}:8443/", "https://hall.example.test\\@evil.test/", "http://127.0.0.1/", "/x",
     " https://hall.example.test/", "https://[hall"],
)  # fmt: skip
def test_no_other_address_can_be_returned_to(service: Service, address: str) -> None:
    answer = call("invitations", asked(service, return_url=address))
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "return_refused")


def test_a_way_back_that_we_did_not_sign_or_that_is_no_longer_allowed_is_not_shown(
    service: Service, settings: Any
) -> None:
    address = call("invitations", asked(service, return_url=f"{ORIGIN}/done")).json()["invitation_url"]
    call("ratings", told(service, 5))
    path = address[address.index("/r/") :]
    assert ORIGIN in Client().get(path).content.decode()
    forged = f"{path.split('?')[0]}?{urlencode({'back': ORIGIN})}"
    assert "返回原来的网站" not in Client().get(forged).content.decode()
    settings.MINPING_RETURN_ORIGINS = ()
    assert "返回原来的网站" not in Client().get(path).content.decode()


def test_a_rating_from_anothers_page_is_a_rating_like_any_other(service: Service) -> None:
    answer = call("ratings", told(service, text="等了两小时。", tags=["210"]))
    assert answer.status_code == 200
    rating = Rating.objects.get()
    assert (rating.level, rating.text, rating.channel, rating.proof, rating.entry) == (
        2, "等了两小时。", "pc", "link", "person",
    )  # fmt: skip
    assert answer.json()["receipt"] == tokens.receipt_code(rating.pk)
    assert OutboxMessage.objects.filter(kind="rating", subject=rating.pk).count() == 1


def test_the_same_press_is_taken_once_and_a_second_is_refused(service: Service) -> None:
    press = told(service, press_id=str(uuid4()))
    first, again = call("ratings", press).json(), call("ratings", press).json()
    assert (first["made"], again["made"]) == (True, False)
    assert first["receipt"] == again["receipt"]
    refused = call("ratings", told(service, 5, text="", press_id=str(uuid4())))
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "already_rated")


def test_the_change_token_changes_it_within_the_minutes(service: Service) -> None:
    change = call("ratings", told(service, 2)).json()["change_token"]
    assert call("ratings", told(service, 4, change_token=change)).status_code == 200
    assert Rating.objects.get().level == 4


@pytest.mark.parametrize(
    ("body", "code"),
    [({"token": "x" * 24}, "invitation_unknown"), ({"level": 6}, "level_unknown"), ({"channel": "tablet"}, "channel_not_online"),
     ({"tags": ["999"]}, "tag_mismatch"), ({"level": None}, "invalid_parameter")],
)  # fmt: skip
def test_what_is_wrong_is_named_and_nothing_is_rated(service: Service, body: dict[str, Any], code: str) -> None:
    answer = call("ratings", {**told(service), **body})
    assert answer.json()["error"]["code"] == code
    assert not Rating.objects.exists()


def test_a_key_of_another_place_or_without_the_permission_gets_nothing(service: Service) -> None:
    assert call("ratings", told(service), org="neighbour").status_code == 404
    assert call("invitations", asked(service), org="neighbour").status_code == 404
    assert call("ratings", told(service), can="services:write").status_code == 403
    assert call("invitations", asked(service), can="services:write").status_code == 403
    assert not Rating.objects.exists()
