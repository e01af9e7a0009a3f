"""Reads of 改进: the work list's rows and the story that the rater is told."""

from __future__ import annotations

from typing import Any

from minping.evaluate.models import Service
from minping.feedback.models import Case
from minping.feedback.states import CaseState
from minping.kernel import clock
from minping.rectify.models import Order
from minping.rectify.states import UNREACHABLE, FollowUp

ENDINGS = {
    "rerated": "您已再次评价。",
    "solved": "回访时您说解决了。",
    "unreached": "多次打电话没有联系上您。",
    "revoked": "上级机关已决定撤销这次评价。您的原话照样保留，任何时候都能看到。",
    "changed_by_rater": "您在规定时间内改了评价，不再按差评办理。",
}


def _answer(follow_up: str) -> str:
    return ENDINGS["unreached"] if follow_up == UNREACHABLE else f"您的答复：{FollowUp(follow_up).label}。"


def story_of(service: Service) -> list[dict[str, Any]]:
    """What happens to a negative rating, step by step, as its giver reads it; empty where there is none."""
    case = Case.objects.filter(service=service).order_by("-opened_at").first()
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
        pending = "有单位认为这次评价无效，正在申请上级撤销。上级没有决定以前，您的评价照常计算。"
        return [{"title": "申请撤销中", "text": pending, "due_text": "", "done": False, "now": True}]
    steps = [
        {
            "title": "核实",
            "text": "专人电话回访，核对情况。" if not verified else "已经回访核实。",
            "due_text": "" if verified or closed else f"{clock.due_text(case.verify_due_at)}",
            "done": verified,
            "now": not verified and not closed,
        }
    ]
    if case.result == "revoked" or (closed and not verified):
        return [{"title": "已办结", "text": ENDINGS.get(case.result, ""), "due_text": "", "done": True}]
    reported = order is not None and order.accepted_at is not None
    steps.append(
        {
            "title": "整改" if len(orders) < 2 else f"整改（第 {len(orders)} 次）",
            "text": "责任单位整改，由另外的人验收。" if not reported else "整改已经验收。",
            "due_text": "" if order is None or reported else clock.due_text(order.rectify_due_at),
            "done": reported,
            "now": order is not None and not reported,
        }
    )
    followed = order is not None and order.follow_up != ""
    steps.append(
        {
            "title": "回访",
            "text": "再次打电话，听您说解决了没有。" if not followed or order is None else _answer(order.follow_up),
            "due_text": "",
            "done": followed,
            "now": reported and not followed,
        }
    )
    steps.append(
        {
            "title": "办结",
            "text": ENDINGS.get(case.result, "") if closed else "您可以再评一次，再评与原评价一并保留。",
            "due_text": "",
            "done": closed,
            "now": followed and not closed,
        }
    )
    return steps
