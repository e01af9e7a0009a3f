"""时限日历: a month of due times of what one has to do, by day; each day opens onto its lines.

One query for the counts, whatever the number of cases.  Working days, holidays and what is only provisional come
from the law's calendar (R1).
"""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, time, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from minping import law
from minping.kernel import clock, queues
from minping.kernel.clock import BEIJING, WEEKDAYS
from minping.kernel.errors import NotFound
from minping.kernel.web import actor, staff_page
from minping.site.desk import SOON, Desk, due_view

YEARS = 10  # back and ahead; nobody has a due time beyond


def month_of(text: str, today: date) -> date:
    """The first day of the month that `2026-11` names; of today's where nothing is named.  Raises NotFound."""
    if not text:
        return today.replace(day=1)
    try:
        first = date.fromisoformat(f"{text}-01")
    except ValueError as failure:
        raise NotFound("没有这个月份。", cure="请从本月看起。") from failure
    if abs(first.year - today.year) > YEARS:
        raise NotFound("日历没有这个月份。", cure="请从本月看起。")
    return first


def next_month(first: date) -> date:
    return (first + timedelta(days=31)).replace(day=1)


def month_url(address: str, first: date, today: date) -> str:
    """The way to a month; empty beyond what the calendar shows."""
    return f"{address}?month={first:%Y-%m}" if abs(first.year - today.year) <= YEARS else ""


def instant(day: date) -> datetime:
    """The beginning of a day, Beijing time."""
    return datetime.combine(day, time.min, BEIJING)


def day_context(day: date, count: int, today: date, inside: bool) -> dict[str, Any]:
    """One day of the grid: working or not and why, how many are due by its end, and the way to them."""
    calendar = law.calendar()
    working, name = calendar.is_working_day(day), calendar.name_of(day)
    odd = working != (day.weekday() < 5)  # a holiday on a weekday, or a make-up day at the weekend
    return {
        "number": day.day, "text": f"{day.month}月{day.day}日 周{WEEKDAYS[day.weekday()]}", "iso": day.isoformat(),
        "inside": inside, "off": not working, "mark": ("班" if working else "休") if odd else "",
        "name": name if odd or (name and not working) else "", "today": day == today, "past": day < today,
        "provisional": calendar.covering(day.toordinal(), day.toordinal())[1], "count": count,
        "url": reverse("desk_view", args=[due_view(day)]) if count else "",
    }  # fmt: skip


@staff_page("order.read")
@require_safe
def agenda(request: HttpRequest) -> HttpResponse:
    """A month of what one has to do."""
    who, now = actor(request), clock.now()
    today = clock.beijing(now).date()
    first = month_of(request.GET.get("month", ""), today)
    end = next_month(first)
    table = Desk(who, now)
    begin = first - timedelta(days=first.weekday())
    last = end + timedelta(days=-end.weekday() % 7)
    counts: Counter[date] = Counter()
    waiting = [table.waiting(name) for name in table.duties]
    for due, count in queues.days(waiting, since=instant(begin), until=instant(last)):
        counts[law.last_day(due)] += count
    days = [begin + timedelta(days=n) for n in range((last - begin).days)]
    shown = [day_context(day, counts[day], today, first <= day < end) for day in days]
    address = reverse("desk_calendar")
    before = (first - timedelta(days=1)).replace(day=1)
    editions, provisional = law.calendar().covering(first.toordinal(), (end - timedelta(days=1)).toordinal())
    context = {
        **table.menu("calendar"), "place": "时限日历", "title": f"{first.year} 年 {first.month} 月",
        "weeks": [shown[n : n + 7] for n in range(0, len(shown), 7)], "weekdays": WEEKDAYS,
        "total": sum(counts[day] for day in days if first <= day < end), "editions": editions,
        "provisional": provisional, "soon_url": reverse("desk_view", args=[SOON]), "now_url": address,
        "prev_url": month_url(address, before, today), "next_url": month_url(address, end, today),
        "now": first <= today < end,
    }  # fmt: skip
    return render(request, "site/agenda.html", context)
