"""The pages of 考核: figures, the rows behind them, the quarter's report, and their exports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from minping.assess import quarter as reports
from minping.assess import services, view
from minping.assess.models import QuarterReport
from minping.assess.periods import Quarter, quarter_of
from minping.assess.rows import Rows, rows_of
from minping.assess.sheets import Sheet, csv_text, workbook
from minping.assess.units import Unit, unit_for, units_of
from minping.kernel import clock
from minping.kernel.access import Actor
from minping.kernel.errors import Invalid, NotFound, Problem
from minping.kernel.web import actor, staff_page

MOST_ROWS = 100_000  # more than this no spreadsheet of an office opens with pleasure
KINDS = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
TABS = 5


class ExportTooLarge(Problem):
    code = "export_too_large"
    status = 413
    message = "这一部分有 {count} 行，一次最多导出 {most} 行。"
    cure = "请缩短期间，或按窗口分别导出。"


@staff_page("indicators.read")
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """The five indicators of a unit and period."""
    by, now = actor(request), clock.now()
    try:
        query = view.query_of(request.GET.dict(), by, now)
    except Invalid as problem:
        # The dates are wrong, not the unit: show the usual period, and say it.
        query = view.query_of({"unit": request.GET.get("unit", "")}, by, now)
        context = {
            **view.frame_context(query, by),
            "with_defaults": True,
            "error": f"{problem.message}{problem.cure}",
        }
        return render(request, "assess/indicators.html", context, status=422)
    return render(request, "assess/indicators.html", view.overview_context(query, by))


@staff_page("indicators.read")
@require_safe
def overview_export(request: HttpRequest, form: str) -> HttpResponse:
    """The same as a file."""
    query = view.query_of(request.GET.dict(), actor(request), clock.now())
    return _file([view.overview_sheet(query)], form, f"indicators-{query.start}-{query.end}")


@staff_page("indicators.read")
@require_safe
def rows(request: HttpRequest, indicator_id: str, part: str) -> HttpResponse:
    """The very rows behind a number."""
    by = actor(request)
    query = view.query_of(request.GET.dict(), by, clock.now())
    found = _rows(indicator_id, part, query, by)
    number = min(max(1, _number(request.GET.get("page", "1"), "page")), found.pages)
    return render(request, "assess/rows.html", view.rows_context(found, query, number))


@staff_page("indicators.read")
@require_safe
def rows_export(request: HttpRequest, indicator_id: str, part: str, form: str) -> HttpResponse:
    """All rows of the part as a file."""
    by = actor(request)
    query = view.query_of(request.GET.dict(), by, clock.now())
    found = _rows(indicator_id, part, query, by)
    if found.total > MOST_ROWS:
        raise ExportTooLarge(count=found.total, most=MOST_ROWS)
    sheet = Sheet(found.indicator.label, found.columns, (row.cells for row in found.every(MOST_ROWS)))
    return _file([sheet], form, f"{indicator_id}-{part}-{query.start}-{query.end}")


def _rows(indicator_id: str, part: str, query: view.Query, by: Actor) -> Rows:
    return rows_of(indicator_id, part, query.unit, query.start, query.end, query.as_of, by=by)


@staff_page("indicators.read")
@require_safe
def quarter(request: HttpRequest) -> HttpResponse:
    """A quarter's report: the draft as of now, or what was sent."""
    by, now = actor(request), clock.now()
    unit, asked = _asked(request.GET, by, now)
    return _report_page(request, unit, asked, by, now)


@staff_page("quarter.send")
@require_POST
def quarter_send(request: HttpRequest) -> HttpResponse:
    """Send the report: from now on it stands as it is."""
    by, now = actor(request), clock.now()
    unit, asked = _asked(request.POST, by, now)
    try:
        services.quarter_send(unit, asked, by=by, at=now)
    except Problem as problem:
        return _report_page(request, unit, asked, by, now, problem)
    messages.success(request, f"{asked.text}的报告已报送，内容从此不变。")
    return HttpResponseRedirect(f"{reverse('quarter')}?{_quarter_query(unit, asked)}")


@staff_page("indicators.read")
@require_safe
def quarter_export(request: HttpRequest, form: str) -> HttpResponse:
    """The report as a workbook (or its tables one below the other as CSV)."""
    by, now = actor(request), clock.now()
    unit, asked = _asked(request.GET, by, now)
    _, content = _content(unit, asked, now)
    return _file(reports.tables(content), form, f"quarter-{asked.year}-{asked.number}")


def _asked(asked: Mapping[str, str], by: Actor, now: datetime) -> tuple[Unit, Quarter]:
    """The unit and quarter asked for; without either, who owes a report and the last quarter that is over."""
    last = quarter_of(clock.beijing(now).date()).back(1)
    text = asked.get("unit", "")
    if not text:
        owing = [unit for unit in units_of(by, "indicators.read") if unit.code in unit.reporting]
        text = owing[0].key if owing else ""
    unit = unit_for(by, text, "indicators.read")
    year = _number(asked.get("year") or str(last.year), "year")
    return unit, Quarter(year, _number(asked.get("quarter") or str(last.number), "quarter"))


def _content(unit: Unit, asked: Quarter, now: datetime) -> tuple[QuarterReport | None, dict[str, Any]]:
    report = services.report_of(unit, asked) if not unit.window_code else None
    return report, report.figures if report else reports.figures(unit, asked, now)


def _report_page(
    request: HttpRequest, unit: Unit, asked: Quarter, by: Actor, now: datetime, problem: Problem | None = None
) -> HttpResponse:
    report, content = _content(unit, asked, now)
    refused = services.send_refusal(unit, asked, by=by, at=now)
    title = f"{content['unit_label']}{asked.text}“好差评”报告"
    action = {
        "verb": "send",
        "label": "报送",
        "submit_label": "报送，不再修改",
        "explain": "报送后内容固定，按此存档；请核对后再报。",
        "primary": True,
        "url": reverse("quarter_send"),
        "hidden": [
            {"name": "unit", "value": unit.key},
            {"name": "year", "value": asked.year},
            {"name": "quarter", "value": asked.number},
        ],
    }
    current = quarter_of(clock.beijing(now).date())
    context = {
        "title": title,
        "subtitle": asked.period.text,
        "unit": {"code": unit.key, "name": unit.label},
        "units": view.unit_options(unit, by, "indicators.read"),
        "quarters": [
            {
                "label": tab.text,
                "url": f"{reverse('quarter')}?{_quarter_query(unit, tab)}",
                "active": tab == asked,
            }
            for tab in sorted({asked, *(current.back(steps) for steps in range(TABS))}, reverse=True)
        ],
        "sent": report is not None,
        "sent_text": f"已报送 {clock.moment_text(report.sent_at)}（{report.sent_by_label}）" if report else "",
        "digest": report.digest if report else "",
        "clock": None if report else view.quarter_clock(unit, asked, now),
        "sections_of_report": reports.sections(content),
        "rule_version": content["rule_version"],
        "computed_text": _computed(content),
        "xlsx_url": f"{reverse('quarter_export', args=['xlsx'])}?{_quarter_query(unit, asked)}",
        "actions": [] if refused else [action],
        "refusals": [{"label": "报送", "reason": f"{refused.message}{refused.cure}"}] if refused and not report else [],
    }
    if problem is not None:
        messages.error(request, f"{problem.message}{problem.cure}")
    return render(request, "assess/quarter.html", context, status=problem.status if problem else 200)


def _computed(content: Mapping[str, Any]) -> str:
    return (
        f"截至 {clock.moment_text(datetime.fromisoformat(content['as_of']))} · 内容摘要 {reports.digest(content)[:16]}"
    )


def _quarter_query(unit: Unit, asked: Quarter) -> str:
    return urlencode({"unit": unit.key, "year": asked.year, "quarter": asked.number})


def _number(text: str, field: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise Invalid(f"“{text[:20]}”不是数字。", cure="请核对地址。", field=field)
    return int(text)


def _file(sheets: Sequence[Sheet], form: str, name: str) -> HttpResponse:
    if form not in KINDS:
        raise NotFound("没有这种格式。", cure="可以导出 csv 或 xlsx。")
    if form == "xlsx":
        content: bytes = workbook(sheets)
    else:
        content = csv_text(sheets).encode("utf-8", "surrogatepass")
    response = HttpResponse(content, content_type=KINDS[form])
    response["Content-Disposition"] = f'attachment; filename="minping-{name}.{form}"'
    response["X-Content-Type-Options"] = "nosniff"
    return response
