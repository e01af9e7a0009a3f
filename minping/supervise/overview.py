"""监督: for whoever oversees, the notices and leads that are open: what, since when, due, where it stands (minan/5.2).

A fixed number of queries, whatever there is.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import Count, F, OuterRef, QuerySet, Subquery
from django.urls import reverse

from minping import law
from minping.kernel import clock, work
from minping.kernel.access import Actor
from minping.registry import queries as registry
from minping.supervise import leads, repeats
from minping.supervise.models import Inquiry, InquiryRow, Lead
from minping.supervise.states import Finding, InquiryState, Kind, LeadState

MOST = 100
ROWS = 200


def inquiries(by: Actor, now: datetime, ended: bool) -> dict[str, Any]:
    codes = registry.directory().within(by.scopes("notice.read"))
    rows = Inquiry.objects.filter(organization_code__in=codes, ended_at__isnull=not ended)
    counted = (
        InquiryRow.objects.filter(inquiry=OuterRef("pk"), released_at__isnull=True, case__in=repeats.confirmed())
        .order_by().values("inquiry").annotate(n=Count("pk")).values("n")
    )  # fmt: skip
    order = ["-ended_at"] if ended else [F("due_at").asc(nulls_last=True)]
    found = list(rows.annotate(standing=Subquery(counted)).order_by(*order, "pk")[: MOST + 1])
    return {"lines": [_inquiry(one, now) for one in found[:MOST]], "more": len(found) > MOST}


def _inquiry(inquiry: Any, now: datetime) -> dict[str, Any]:
    text, kind = work.left(inquiry.due_at, inquiry.area_code, now)
    standing = inquiry.standing or 0
    return {
        "number": inquiry.number,
        "url": reverse("desk_case", args=["mine", inquiry.pk]),
        "what": f"{Kind(inquiry.kind).label}：{inquiry.name}",
        "unit_name": registry.place(inquiry.organization_code).name,
        "n": standing,
        "below": standing < inquiry.least,
        "least": inquiry.least,
        "since_text": clock.day_text(inquiry.opened_at),
        "state_label": InquiryState(inquiry.state).label,
        "due_text": clock.due_text(inquiry.due_at) if inquiry.due_at else "",
        "left_text": text,
        "left_kind": kind,
    }


def lead_lines(by: Actor, closed: bool) -> dict[str, Any]:
    state = LeadState.CLOSED if closed else LeadState.OPEN
    found = list(_leads(by).filter(state=state).annotate(n=Count("rows")).order_by("-found_at", "pk")[: MOST + 1])
    lines = [
        {
            "number": lead.number,
            "url": reverse("lead", args=[lead.pk]),
            "rule_label": leads.RULE[lead.rule].label,
            "unit_name": registry.place(lead.organization_code).name,
            "reason": lead.reason,
            "n": lead.n,
            "since_text": clock.day_text(lead.found_at),
            "state_label": Finding(lead.finding).label if lead.finding else LeadState(lead.state).label,
        }
        for lead in found[:MOST]
    ]
    return {"lines": lines, "more": len(found) > MOST}


def _leads(by: Actor) -> QuerySet[Any]:
    return Lead.objects.filter(organization_code__in=registry.directory().within(by.scopes("lead.read")))


def lead_context(lead: Lead, names: Mapping[str, str]) -> dict[str, Any]:
    """A lead with its ratings.  Nothing of who gave them."""
    rows = lead.rows.select_related("rating__service").order_by("rating__rated_at", "id")
    rules = law.at("000000", clock.beijing(lead.found_at).date())
    closed = f"{clock.moment_text(lead.closed_at)} {names.get(lead.closed_by, '')}" if lead.closed_at else ""
    return {
        "number": lead.number,
        "rule_label": leads.RULE[lead.rule].label,
        "unit_name": registry.place(lead.organization_code).name,
        "reason": lead.reason,
        "found_text": clock.moment_text(lead.found_at),
        "state_label": LeadState(lead.state).label,
        "finding_label": Finding(lead.finding).label if lead.finding else "",
        "note": lead.note,
        "closed": closed,
        "rows": [
            {
                "case_no": row.rating.service.case_no,
                "item_name": row.rating.service.item_name,
                "where": f"{row.rating.service.organization_name} {row.rating.service.window_name}".strip(),
                "time_text": clock.moment_text(row.rating.rated_at),
                "after_text": _after(row.rating),
                "level": row.rating.level,
                "level_label": law.InterfaceLevel(row.rating.level).label,
                "channel_label": rules.channels[row.rating.channel].label
                if row.rating.channel in rules.channels
                else row.rating.channel,
                "device": row.rating.device_code,
                "text": row.rating.text,
            }
            for row in rows[:ROWS]
        ],
        "count": lead.rows.count(),
        "most": ROWS,
    }


def _after(rating: Any) -> str:
    seconds = int(((rating.pressed_at or rating.rated_at) - rating.service.served_at).total_seconds())
    return f"{seconds} 秒" if 0 <= seconds < 120 else ""
