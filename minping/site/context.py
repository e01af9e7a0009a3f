"""What every template may say: whose page it is, and whether this is a sandbox."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from minping.kernel import clock

# label, url name, permission: the entries of the desk's side bar.
SECTIONS = (
    ("工作台", "desk", ("case.read", "order.read")),
    ("指标", "indicators", ("indicators.read",)),
    ("季度报告", "quarter", ("quarter.send",)),
    ("上送", "delivery", ("delivery.read",)),
    ("登记簿", "registry", ("registry.read",)),
    ("账号", "accounts", ("account.read",)),
    ("日志", "journal", ("journal.read",)),
)


def everywhere(request: HttpRequest) -> dict[str, Any]:
    context: dict[str, Any] = {"sandbox": settings.MINPING_SANDBOX}
    if settings.MINPING_SANDBOX:
        context["clock_text"] = clock.moment_text(clock.now())
    who = getattr(request, "actor", None)
    if who is None or who.account_id is None:
        return context
    context["sections"] = [
        {"label": label, "url": reverse(name), "active": request.path.startswith(reverse(name))}
        for label, name, permissions in SECTIONS
        if any(who.may(permission) for permission in permissions)
    ]
    context["who"] = {"name": who.label, "role_label": ""}
    if not settings.MINPING_PROVINCE:
        context["upstream_note"] = "没有接省平台接口：上送的内容写入文件夹，由人工录入省平台后登记编号。"
    return context
