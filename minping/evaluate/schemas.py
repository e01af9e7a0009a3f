"""The form of a reported service, as the API, the file import and the tests share it."""

from __future__ import annotations

from datetime import UTC
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)

from minping.kernel import bulk
from minping.kernel.errors import Problem

Code = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40, pattern=r"^[^\s/\x00]+$")]
CaseNo = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=50, pattern=r"^[^\x00-\x1f]+$")
]
OptionalCode = Annotated[str, StringConstraints(strip_whitespace=True, max_length=40)]


def _words(limit: int) -> Any:
    return StringConstraints(strip_whitespace=True, min_length=1, max_length=limit, pattern=r"^[^\x00]+$")


Moment = Annotated[AwareDatetime, AfterValidator(lambda value: value.astimezone(UTC))]


class ApplicantIn(BaseModel):
    """Who received the service, as the business system verified it (R12)."""

    model_config = ConfigDict(extra="forbid")
    kind: Literal["person", "legal"]
    name: Annotated[str, _words(100)]
    cert_type: Annotated[str, _words(10)]
    cert_no: Annotated[str, _words(50)]
    phone: Annotated[str, StringConstraints(strip_whitespace=True, max_length=20, pattern=r"^[0-9+\- ()]*$")] = ""


class ServiceIn(BaseModel):
    """One service that has been rendered: the event that makes the invitation (R11)."""

    model_config = ConfigDict(extra="forbid")
    organization_code: Code
    case_no: CaseNo
    service_no: Annotated[int, Field(ge=1, le=9999)]
    service_name: Annotated[str, _words(60)]
    item_code: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=33)]
    item_name: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] | None = None
    window_code: OptionalCode | None = None
    staff_code: OptionalCode | None = None
    handling: Literal["hall", "agent_point", "terminal", "online"]
    case_state: Literal[1, 2, 3]
    package_no: Annotated[str, StringConstraints(strip_whitespace=True, max_length=50)] | None = None
    accepted_at: Moment | None = None
    served_at: Moment
    finished_at: Moment | None = None
    applicant: ApplicantIn
    agent: ApplicantIn | None = None


_ALL = TypeAdapter(list[ServiceIn])


def services_of(text: bytes | str, most: int) -> list[ServiceIn] | None:
    """The rows of a JSON array, read in one go; None where it is none, is too long, or has a row that is not right.

    Nearly every call is right as a whole; the others are read row by row, to say which row is not.
    """
    try:
        with bulk.undisturbed():
            rows = _ALL.validate_json(text)
    except ValidationError:
        return None
    return rows if len(rows) <= most else None


class RowInvalid(Problem):
    code = "invalid_field"
    status = 422


# What to tell the person, by the kind of mistake; the rest falls to the last line.
SENTENCES = {
    "missing": "缺少这一项。请补上。",
    "extra_forbidden": "没有这个字段。请核对字段名。",
    "literal_error": "取值不对，应为：{expected}。",
    "timezone_aware": "时间没有时区。请写成 2026-11-23T15:20:00+08:00 这样。",
    "datetime_parsing": "看不懂这个时间。请写成 2026-11-23T15:20:00+08:00 这样。",
    "datetime_from_date_parsing": "看不懂这个时间。请写成 2026-11-23T15:20:00+08:00 这样。",
    "string_too_long": "太长，最多 {max_length} 个字。",
    "string_too_short": "不能为空。",
    "string_pattern_mismatch": "含有不允许的字符。",
    "string_type": "应为文字。",
    "int_parsing": "应为整数。",
    "int_type": "应为整数。",
    "greater_than_equal": "太小，最小是 {ge}。",
    "less_than_equal": "太大，最大是 {le}。",
    "model_type": "应为一个对象（花括号）。",
}


def problem_of(failure: ValidationError, row: int | None = None) -> RowInvalid:
    """The first mistake of a row as one Chinese sentence that names the field."""
    mistake = failure.errors(include_url=False, include_input=False)[0]
    field = ".".join(str(step) for step in mistake["loc"])
    context = {
        name: str(value).replace(" or ", ", ").replace(", ", "、") for name, value in mistake.get("ctx", {}).items()
    }
    sentence = SENTENCES.get(mistake["type"], "内容不符合要求。").format(**context)
    return RowInvalid(f"{field or '这一行'}：{sentence}", field=field or None, row=row, cure="")
