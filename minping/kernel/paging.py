"""Paging by key: a page costs the same at the millionth row as at the first (no OFFSET)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest

from minping.kernel.errors import NotFound


@dataclass(frozen=True)
class Page:
    """Rows of one page, and the addresses of its neighbours ("" where there is none)."""

    rows: list[Any]
    prev: str
    next: str

    @property
    def links(self) -> dict[str, str]:
        """As `parts/pager.html` takes it."""
        return {"prev": self.prev, "next": self.next, "text": ""}


def page_of(
    rows: QuerySet[Any],
    request: HttpRequest,
    *,
    size: int,
    newest_first: bool = False,
    key: Callable[[str], Any] = int,
) -> Page:
    """The page of `rows` that `?after=` or `?before=` asks for, in the order of the primary key.

    `key` reads a key from the address.  Raises NotFound where the address holds none.
    """
    after, before = request.GET.get("after", ""), request.GET.get("before", "")
    backwards = bool(before)
    descending = newest_first != backwards
    if after or before:
        try:
            start = key(before or after)
        except ValueError as failure:
            raise NotFound("没有这一页。", cure="请从第一页看起。") from failure
        rows = rows.filter(**{"pk__lt" if descending else "pk__gt": start})
    found = list(rows.order_by("-pk" if descending else "pk")[: size + 1])
    more = len(found) > size
    found = found[:size]
    if backwards:
        found.reverse()
    earlier = more if backwards else bool(after)
    later = bool(found) if backwards else more
    return Page(
        found,
        _address(request, before=found[0].pk) if earlier and found else "",
        _address(request, after=found[-1].pk) if later and found else "",
    )


def _address(request: HttpRequest, **key: object) -> str:
    query = request.GET.copy()
    for name in ("after", "before"):
        query.pop(name, None)
    for name, value in key.items():
        query[name] = str(value)
    return f"{request.path}?{query.urlencode()}"
