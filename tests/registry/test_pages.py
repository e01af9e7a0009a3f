"""登记簿 on the page: what one may see, and an import that waits for its confirmation."""

from __future__ import annotations

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client

from minping.kernel.access import SYSTEM
from minping.kernel.clock import now
from minping.kernel.home import home
from minping.kernel.models import Account, Assignment
from minping.registry import demo, importing
from minping.registry.models import Window
from tests.support.world import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def office(db: None) -> None:
    (home().path / demo.FILE).unlink(missing_ok=True)
    demo.load(by=SYSTEM, at=now())


def renamed() -> bytes:
    book = importing.current()
    for row in book.rows["windows"]:
        if row.values["code"] == "03":
            row.values["name"] = "3号窗口 就业社保"
    return importing.workbook(book)


def upload(client: Client, data: bytes, name: str = "登记簿.xlsx") -> HttpResponse:
    return client.post("/registry/import", {"step": "dry_run", "file": SimpleUploadedFile(name, data)})  # type: ignore[return-value]


def token(page: HttpResponse) -> str:
    found = re.search(r'name="confirm" value="([^"]+)"', page.content.decode())
    assert found is not None
    return found[1]


def test_the_tree_shows_units_windows_people_and_devices_with_their_state(office: None) -> None:
    Window.objects.filter(organization="minan-center", code="06").update(retired_at=now())
    page = signed_in("operator").get("/registry")
    text = page.content.decode()
    assert page.status_code == 200
    for word in (
        "民安街道便民服务中心",
        "3号窗口 社会保障",
        "窗口三号",
        "窗口平板",
        "已停用",
        "新生儿户口登记预审代办",
        "一件事",
    ):
        assert word in text
    (top,) = page.context["tree"]
    assert top["code"] == "minan" and [c["code"] for c in top["children"] if c["kind_label"] == "便民服务中心"]


def test_a_reader_sees_only_what_lies_in_their_scope(office: None) -> None:
    account = Account.objects.create_account("center", "中心管理员", "not-a-password-2026")
    Assignment.objects.create(account=account, role="operator", organization_code="minan-center")
    text = signed_in("center").get("/registry").content.decode()
    assert "便民服务中心" in text
    assert "甲社区" not in text and "复核专员" not in text


@pytest.mark.parametrize("address", ["/registry", "/registry/import", "/registry/workbook.xlsx", "/registry/form.xlsx"])
def test_who_lacks_the_permission_is_refused(office: None, address: str) -> None:
    assert signed_in("window3").get(address).status_code == 403
    assert Client().get(address).status_code == 302


def test_the_head_reads_but_does_not_import(office: None) -> None:
    head = signed_in("head")
    assert "导入登记簿" not in head.get("/registry").content.decode()
    assert head.get("/registry/import").status_code == 403


def test_a_file_is_looked_at_first_and_imported_when_confirmed(office: None) -> None:
    client = signed_in("operator")
    page = upload(client, renamed())
    assert "将新增 0 行，更改 1 行，停用 0 行" in page.content.decode()
    assert Window.objects.get(organization="minan-center", code="03").name == "3号窗口 社会保障"
    (waiting,) = (home().path / "uploads").iterdir()
    assert "就业".encode() not in waiting.read_bytes(), "what waits is sealed"
    done = client.post("/registry/import", {"step": "confirm", "confirm": token(page)})
    assert done.status_code == 302
    assert Window.objects.get(organization="minan-center", code="03").name == "3号窗口 就业社保"
    assert not list((home().path / "uploads").iterdir())


def test_a_confirmation_of_something_else_than_was_looked_at_imports_nothing(office: None) -> None:
    client = signed_in("operator")
    page = upload(client, renamed())
    Window.objects.filter(organization="minan-center", code="03").update(name="别人改的")
    again = client.post("/registry/import", {"step": "confirm", "confirm": token(page)})
    assert again.status_code == 409
    assert "被别人改过" in again.content.decode()
    assert Window.objects.get(organization="minan-center", code="03").name == "别人改的"
    assert client.post("/registry/import", {"step": "confirm", "confirm": "../../keys.json"}).status_code == 404


def test_bad_rows_are_listed_and_cannot_be_confirmed(office: None) -> None:
    book = importing.current()
    book.rows["windows"][0].values["name"] = ""
    page = upload(signed_in("operator"), importing.workbook(book))
    text = page.content.decode()
    assert "“窗口名称”没有填" in text and 'name="confirm"' not in text


def test_no_file_or_a_broken_one_is_said_on_the_form(office: None) -> None:
    client = signed_in("operator")
    assert "还没有选文件" in client.post("/registry/import", {"step": "dry_run"}).content.decode()
    page = upload(client, b"nothing")
    assert page.status_code == 422 and "不是 .xlsx 工作簿" in page.content.decode()


def test_the_registry_as_it_is_can_be_downloaded_and_uploaded_unchanged(office: None) -> None:
    client = signed_in("operator")
    data = client.get("/registry/workbook.xlsx").content
    assert "没有要改的" in upload(client, data).content.decode()
    assert client.get("/registry/form.xlsx").content[:2] == b"PK"
