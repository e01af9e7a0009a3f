"""答复模板: an office's own words for what is written again and again.

A template belongs to an organisation and serves it and all below.  Its placeholders name the case, its item, place
and due time, never a person; a telephone or certificate number in it is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from minping.kernel import clock, journal
from minping.kernel.access import Actor
from minping.kernel.errors import Forbidden, Invalid, NotFound, Problem
from minping.registry import queries as registry
from minping.site.marks import NUMBER
from minping.site.models import AnswerTemplate

MANAGE = "templates.manage"
MOST = 50  # of one organisation: a longer list is not looked through
TITLE, TEXT = 40, 1000  # letters
PLACEHOLDER = re.compile(r"〔([^〔〕]*)〕")
PLACEHOLDERS = ("编号", "事项", "单位", "窗口", "等级", "期限", "今天")


class TitleTaken(Problem):
    code = "template_title_taken"
    status = 409
    message = "本单位已有同名的模板。"
    cure = "请换一个名称，或直接改那一个。"


class TooManyTemplates(Problem):
    code = "too_many_templates"
    status = 409
    message = f"本单位的模板已有 {MOST} 个。"
    cure = "请先删去不用的。"


def offices_of(by: Actor) -> list[registry.Place]:
    """The organisations whose templates `by` manages: where the right was given, and below."""
    paths = [grant.path for grant in by.scopes(MANAGE) if not grant.window_code]
    places = registry.directory().places.values()
    found = [place for place in places if place.live and any(place.path.startswith(path) for path in paths)]
    return sorted(found, key=lambda place: place.path)


def templates_for(path: str) -> list[AnswerTemplate]:
    """The templates that serve the organisation at `path`: its own and those of the offices above it."""
    codes = [code for code in path.split("/") if code]
    return list(AnswerTemplate.objects.filter(organization_code__in=codes).order_by("title", "id"))


def template_get(template_id: UUID, by: Actor) -> AnswerTemplate:
    """One that `by` manages.  Raises NotFound."""
    codes = [place.code for place in offices_of(by)]
    found = AnswerTemplate.objects.filter(pk=template_id, organization_code__in=codes).first()
    if found is None:
        raise NotFound()
    return found


def text_checked(text: str) -> str:
    """The text as it is kept.  Raises Invalid where it is empty, long, asks for what there is not, or names somebody."""
    kept = text.replace("\r\n", "\n").strip()
    if not kept or len(kept) > TEXT:
        raise Invalid(f"请写模板内容，最多 {TEXT} 字。", cure="", field="text")
    unknown = sorted({name for name in PLACEHOLDER.findall(kept) if name not in PLACEHOLDERS})
    if unknown:
        raise Invalid(f"没有占位“{'”“'.join(unknown)}”。", cure=f"可用：{'、'.join(PLACEHOLDERS)}。", field="text")
    if NUMBER.search(kept):
        raise Invalid("模板里不能写电话、证件号码。", cure="谁的电话、谁的姓名都不写进模板。", field="text")
    return kept


def template_save(
    *, template: AnswerTemplate | None, organization_code: str, title: str, text: str, by: Actor, at: datetime
) -> AnswerTemplate:
    """Make or change a template.  Raises Forbidden, Invalid, TitleTaken, TooManyTemplates."""
    if organization_code not in {place.code for place in offices_of(by)}:
        raise Forbidden()
    name = " ".join(title.split())
    if not name or len(name) > TITLE:
        raise Invalid(f"请写名称，最多 {TITLE} 字。", cure="", field="title")
    kept = text_checked(text)
    if template is None and AnswerTemplate.objects.filter(organization_code=organization_code).count() >= MOST:
        raise TooManyTemplates()
    record = template or AnswerTemplate(organization_code=organization_code)
    record.title, record.text, record.changed_at, record.changed_by = name, kept, at, by.name
    try:
        with transaction.atomic():
            record.save()
            journal.write(
                "template.saved", at=at, actor=by.name, organization_code=organization_code, subject=record.pk,
                title=name,
            )  # fmt: skip
    except IntegrityError as failure:
        raise TitleTaken(field="title") from failure
    return record


def template_delete(*, template: AnswerTemplate, by: Actor, at: datetime) -> None:
    """Take a template away; what was written with it stays where it was written."""
    with transaction.atomic():
        journal.write(
            "template.deleted", at=at, actor=by.name, organization_code=template.organization_code,
            subject=template.pk, title=template.title,
        )  # fmt: skip
        template.delete()


def filled(text: str, values: Mapping[str, Any], at: datetime) -> str:
    """The template with what the case says in place of the placeholders; what is not known is left out."""
    known = {**values, "今天": clock.day_text(at)}
    return PLACEHOLDER.sub(lambda found: str(known.get(found[1], "")), text)
