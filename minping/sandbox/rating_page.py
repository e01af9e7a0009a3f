"""The province's own rating page, as family (a) hands out its address: opened by a token, one rating, then back.

Only the press writes.  The case stands behind the token; the address names nobody.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from html import escape
from importlib.resources import files
from string import Template
from urllib.parse import parse_qsl, urlsplit

from minping.sandbox.families import Province, page_record
from minping.sandbox.protocol import BEIJING, LEVELS, Answer, Message
from minping.sandbox.wire import Request, Response

PLACE = "/fj/page/"
_HTML = "text/html; charset=utf-8"
_TEMPLATE = Template(files(__package__).joinpath("rating_page.html").read_text("utf-8"))


def answer(province: Province, request: Request, submit: Callable[[Message], Answer]) -> Response:
    """Show the page, or take the press and lead back to where the case came from."""
    case = province.pages.get(request.path.removeprefix(PLACE))
    if case is None:
        return Response(404, "没有这个评价页".encode(), _HTML)
    if request.method != "POST":
        return _show(case, "")
    said = dict(parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True))
    level, text = said.get("level", ""), said.get("text", "")
    if level not in {"1", "2", "3", "4", "5"}:
        return _show(case, "请选一个等级。")
    if level in "12" and not text.strip():
        return _show(case, "请写明不满意的原因。")
    at = datetime.fromtimestamp(province.now(), BEIJING)
    taken = submit(page_record(case, int(level), text, at))
    if taken.result not in ("accepted", "duplicate"):
        return _show(case, "系统繁忙，请稍后再试。")
    return Response(303, b"", _HTML, {"Location": case["backUrl"]})


def _show(case: dict[str, str], problem: str) -> Response:
    tiles = "".join(
        f'<button name="level" value="{level}">{escape(label)}</button>'
        for level, label in sorted(LEVELS.items())[::-1]
    )
    back = urlsplit(case["backUrl"])
    html = _TEMPLATE.substitute(
        name=escape(case["projectName"]),
        tiles=tiles,
        problem=f'<p role="alert">{escape(problem)}</p>' if problem else "",
    )
    policy = (
        "default-src 'none'; style-src 'unsafe-inline'; "
        f"form-action 'self' {back.scheme}://{back.netloc}; base-uri 'none'; frame-ancestors 'none'"
    )
    headers = {"Content-Security-Policy": policy, "Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff"}
    return Response(200, html.encode(), _HTML, headers)
