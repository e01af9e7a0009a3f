"""Reads of 改进: the work list's rows and the story that the rater is told."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from minping.evaluate.models import Service
from minping.feedback.models import Case
from minping.feedback.states import CaseState
from minping.kernel.language import due_text
from minping.rectify.models import Order
from minping.rectify.states import UNREACHABLE, FollowUp

NOT_REACHED = gettext_noop("多次打电话没有联系上您。")
ANSWERS = (gettext_noop("解决了"), gettext_noop("部分解决"), gettext_noop("没有解决"))  # the labels of FollowUp
ENDINGS = {
    "rerated": gettext_noop("您已再次评价。"),
    "solved": gettext_noop("回访时您说解决了。"),
    "unreached": NOT_REACHED,
    "revoked": gettext_noop("上级机关已决定撤销这次评价。您的原话照样保留，任何时候都能看到。"),
    "changed_by_rater": gettext_noop("您在规定时间内改了评价，不再按差评办理。"),
}


def _answer(follow_up: str) -> str:
    if follow_up == UNREACHABLE:
        return _(NOT_REACHED)
    return _("您的答复：{answer}。").format(answer=_(FollowUp(follow_up).label))


def done_text(case: Case) -> str:
    """What was done about a case, as it may be told to those who sent it in: no name, no telephone, nobody's spoken words."""
    if case.explanation:
        return case.explanation
    told = []
    order = Order.objects.filter(case=case).exclude(measures="").order_by("-round").first()
    if order is not None:
        told.append(f"整改情况：{order.measures}")
    told.append(DONE.get(case.result, ""))
    return "\n".join(part for part in told if part)


DONE = {
    "solved": "已回访，反映人表示问题已经解决。",
    "rerated": "已回访，反映人已再次评价。",
    "unreached": "整改后多次回访，没有联系上反映人。",
    "revoked": "上级机关已决定撤销这次评价，不再按差评办理。",
}


def story_of(service: Service) -> list[dict[str, Any]]:
    """What happens to a negative rating, step by step, as its giver reads it; empty where there is none."""
    case = Case.objects.rated().filter(service=service).order_by("-opened_at").first()
    if case is None and service.package_no:  # an overall rating has one case for all its items (R10)
        packages = service.ratings.exclude(package=None).values("package")
        case = Case.objects.filter(rating__package__in=packages).order_by("-opened_at").first()
    if case is None:
        return []
    orders = list(Order.objects.filter(case=case).order_by("round"))
    order = orders[-1] if orders else None
    closed = case.state == CaseState.CLOSED
    verified = case.confirmed_at is not None
    if case.state == CaseState.REVOKING:
        pending = _("有单位认为这次评价无效，正在申请上级撤销。上级没有决定以前，您的评价照常计算。")
        return [{"title": _("申请撤销中"), "text": pending, "due_text": "", "done": False, "now": True}]
    steps = [
        {
            "title": _("核实"),
            "text": _("专人电话回访，核对情况。") if not verified else _("已经回访核实。"),
            "due_text": "" if verified or closed else due_text(case.verify_due_at),
            "done": verified,
            "now": not verified and not closed,
        }
    ]
    if case.result == "revoked" or (closed and not verified):
        return [{"title": _("已办结"), "text": _(ENDINGS.get(case.result, "")), "due_text": "", "done": True}]
    reported = order is not None and order.accepted_at is not None
    steps.append(
        {
            "title": _("整改") if len(orders) < 2 else _("整改（第 {n} 次）").format(n=len(orders)),
            "text": _("责任单位整改，由另外的人验收。") if not reported else _("整改已经验收。"),
            "due_text": "" if order is None or reported else due_text(order.rectify_due_at),
            "done": reported,
            "now": order is not None and not reported,
        }
    )
    followed = order is not None and order.follow_up != ""
    steps.append(
        {
            "title": _("回访"),
            "text": _("再次打电话，听您说解决了没有。") if not followed or order is None else _answer(order.follow_up),
            "due_text": "",
            "done": followed,
            "now": reported and not followed,
        }
    )
    steps.append(
        {
            "title": _("办结"),
            "text": _(ENDINGS.get(case.result, "")) if closed else _("您可以再评一次，再评与原评价一并保留。"),
            "due_text": "",
            "done": closed,
            "now": followed and not closed,
        }
    )
    return steps
