"""Refusals with names: a stable code, one Chinese sentence, and what to do.

Principle 14: a refusal is named and never silent.  Services raise subclasses of
`Problem`; the faces (page, API, command line) each render it in one place.
"""

from __future__ import annotations

from typing import Any


class Problem(Exception):
    """Something that the person or program asking can understand and mend."""

    code: str = "problem"
    status: int = 400
    message: str = "请求没有办成。"
    cure: str = "请核对后重试。"

    def __init__(
        self,
        message: str | None = None,
        *,
        field: str | None = None,
        row: int | None = None,
        cure: str | None = None,
        **detail: Any,
    ) -> None:
        self.template = message or self.message  # as it stands in the catalogue of translations
        self.message = self.template.format(**detail) if detail else self.template
        self.cure = self.cure if cure is None else cure
        self.field = field
        self.row = row
        self.detail = detail
        super().__init__(self.message)

    def as_json(self) -> dict[str, Any]:
        """The one error shape of the API."""
        error: dict[str, Any] = {"code": self.code, "message": f"{self.message}{self.cure}"}
        if self.field is not None:
            error["field"] = self.field
        if self.row is not None:
            error["row"] = self.row
        return error


class Stale(Problem):
    """Someone else moved the thing first (compare-and-set found another state)."""

    code = "stale"
    status = 409
    message = "这一件刚刚被别人处理过。"
    cure = "请刷新后看最新状态。"


class Forbidden(Problem):
    code = "forbidden"
    status = 403
    message = "您没有办理这一步的权限。"
    cure = "如确需办理，请联系本单位管理员。"


class NotFound(Problem):
    code = "not_found"
    status = 404
    message = "没有找到。"
    cure = "请核对编号；也可能不在您的范围内。"


class Invalid(Problem):
    code = "invalid"
    status = 422
    message = "填写的内容不对。"
