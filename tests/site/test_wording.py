"""答复模板: kept per organisation, put into the field without script, and never anything of a person."""

from __future__ import annotations

from typing import Any

import pytest

from minping.kernel.models import JournalEntry
from minping.rectify.models import Order
from minping.site.models import AnswerTemplate
from tests.support.world import Story, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]
TEXT = "〔单位〕〔窗口〕办理“〔事项〕”（〔编号〕）时要求重复提交材料，请于〔期限〕改正。"


def saved(username: str = "reviewer", **said: str) -> Any:
    values = {"title": "重复提交", "text": TEXT, "organization_code": "minan", **said}
    return signed_in(username).post("/templates/new/", values)


def test_a_template_is_made_changed_and_deleted_on_record() -> None:
    assert saved()["Location"] == "/templates/"
    (one,) = AnswerTemplate.objects.all()
    browser = signed_in("head")
    assert browser.post(f"/templates/{one.pk}/", {"title": "重复提交材料", "text": TEXT}).status_code == 302
    one.refresh_from_db()
    assert (one.title, one.organization_code) == ("重复提交材料", "minan")
    assert "重复提交材料" in browser.get("/templates/").content.decode()
    browser.post(f"/templates/{one.pk}/", {"delete": "1"})
    assert not AnswerTemplate.objects.exists()
    actions = JournalEntry.objects.filter(action__startswith="template.").values_list("action", flat=True)
    assert list(actions.order_by("id")) == ["template.saved", "template.saved", "template.deleted"]


@pytest.mark.parametrize(
    "said",
    [
        {"text": "请联系 138 0000 0000。"}, {"text": "证件 350213190001010011"}, {"text": "〔姓名〕您好"},
        {"text": "〔电话〕"}, {"text": "〔〕"}, {"text": " "}, {"text": "长" * 1001}, {"title": ""}, {"title": "长" * 41},
    ],
    ids=lambda said: str(said)[:20],
)  # fmt: skip
def test_nothing_of_a_person_and_no_unknown_placeholder_is_kept(said: dict[str, str]) -> None:
    assert saved(**said).status_code == 422
    assert not AnswerTemplate.objects.exists()


def test_a_title_is_there_once_and_the_list_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    saved()
    assert saved().status_code == 422
    monkeypatch.setattr("minping.site.wording.MOST", 1)
    assert saved(title="另一个").status_code == 422
    assert AnswerTemplate.objects.count() == 1


def test_only_who_may_keeps_them_and_each_in_their_own_place() -> None:
    assert saved("unit").status_code == 403
    assert saved("window3").status_code == 403
    assert saved("neighbour").status_code == 422  # a place that is not theirs
    saved()
    (one,) = AnswerTemplate.objects.all()
    assert signed_in("neighbour").get(f"/templates/{one.pk}/").status_code == 404
    assert "重复提交" not in signed_in("neighbour").get("/templates/").content.decode()


def insert(username: str, view: str, order: Order, verb: str, into: str, **typed: str) -> Any:
    browser = signed_in(username)
    page = browser.get(f"/desk/{view}/{order.case_id}/")
    action = next(action for action in page.context["actions"] if action["verb"] == verb)
    one = AnswerTemplate.objects.get()
    said = {"verb": verb, "into": into, "template": str(one.pk), **typed}
    return browser.post(action["wording"]["url"], said, follow=True)


def test_it_is_put_behind_what_is_written_with_what_the_case_says_and_nothing_is_decided() -> None:
    saved()
    order = Story().confirmed()
    before = Order.objects.values().get()
    page = insert("unit", "rectify", order, "report", "measures", measures="已查。")
    field = next(f for a in page.context["actions"] if a["verb"] == "report" for f in a["fields"])
    assert field["value"].startswith("已查。\n民安街道便民服务中心3号窗口办理“城乡居民基本医疗保险参保登记”（差评-")
    assert "〔" not in field["value"]
    assert "24:00 前改正" in field["value"]
    assert "群众甲" not in field["value"]
    assert page.redirect_chain[-1][0].endswith("#act-report")
    assert "from=rectify" in page.redirect_chain[-1][0]
    assert Order.objects.values().get() == before


def test_an_offices_templates_serve_below_and_not_beside() -> None:
    saved(organization_code="minan-center")
    order = Story().confirmed()
    page = signed_in("unit").get(f"/desk/rectify/{order.case_id}/")
    assert "插入模板" in page.content.decode()
    AnswerTemplate.objects.update(organization_code="minan-agent-01")
    assert "插入模板" not in signed_in("unit").get(f"/desk/rectify/{order.case_id}/").content.decode()
    AnswerTemplate.objects.update(organization_code="neighbour")
    assert "插入模板" not in signed_in("unit").get(f"/desk/rectify/{order.case_id}/").content.decode()


def test_nobody_inserts_where_they_may_not_look_and_looking_inserts_nothing() -> None:
    saved()
    order = Story().confirmed()
    address = f"/desk/rectify/{order.case_id}/template/"
    said = {"verb": "report", "into": "measures", "template": str(AnswerTemplate.objects.get().pk)}
    assert signed_in("window5").post(address, said).status_code == 404
    assert signed_in("neighbour").post(address, said).status_code == 404
    assert signed_in("unit").get(address).status_code == 405


def test_without_a_choice_it_says_so_and_keeps_what_was_typed() -> None:
    saved()
    order = Story().confirmed()
    page = insert("unit", "rectify", order, "report", "measures", measures="写了一半", template="")
    assert "请先选一个模板。" in page.content.decode()
    assert "写了一半" in page.content.decode()
