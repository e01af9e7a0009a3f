"""What every route of the API shares: the bearer key, the one error shape, who calls."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from ninja import Schema
from ninja.security import HttpBearer

from minping.kernel import access
from minping.kernel.access import Actor
from minping.kernel.errors import Forbidden, Problem


class Bearer(HttpBearer):
    """`Authorization: Bearer <key>`, made with `minping key create`; `known` makes the key's actor."""

    def __init__(self, known: Callable[[Any], Actor]) -> None:
        super().__init__()
        self.known = known

    def __call__(self, request: HttpRequest) -> Any:
        found = super().__call__(request)
        if found is None:
            raise access.KeyRefused()
        return found

    def authenticate(self, request: HttpRequest, token: str) -> Actor:
        return self.known(access.key_find(token))


class ErrorBody(Schema):
    code: str
    message: str
    field: str | None = None
    row: int | None = None


class ErrorOut(Schema):
    error: ErrorBody


ERRORS = {400: ErrorOut, 401: ErrorOut, 403: ErrorOut, 404: ErrorOut, 409: ErrorOut, 413: ErrorOut, 422: ErrorOut}


def actor(request: HttpRequest, permission: str = "") -> Actor:
    """Who calls; with `permission`, one who holds it somewhere (each act checks its own place again)."""
    who: Actor = request.auth  # type: ignore[attr-defined]
    if permission and not who.may(permission):
        raise Forbidden(f"这把密钥没有 {permission} 权限。", cure="请管理员另发一把。")
    return who


class NotJson(Problem):
    code = "not_json"
    message = "请求体不是 JSON。"
    cure = "请发送一个对象，或对象的数组，UTF-8 编码。"


def json_body(request: HttpRequest) -> Any:
    """The body as JSON.  Raises NotJson."""
    try:
        return json.loads(request.body)
    except (ValueError, RecursionError) as failure:
        raise NotJson() from failure
