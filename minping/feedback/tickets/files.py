"""Tickets from a file, for a hotline or window without an interface: same schema and same answers as the API."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from minping.evaluate.files.intake import FileResult
from minping.evaluate.files.reading import Column, Form, certificate_words, read_rows
from minping.feedback.tickets.schemas import TicketIn
from minping.feedback.tickets.services import Received, tickets_receive
from minping.kernel.access import Actor

PERMISSION = "ticket.take"
FORM = Form(
    "来件",
    (
        Column("number", "来件编号", "XM20260105000017", True),
        Column("organization_code", "机构代码", "minan-center", True),
        Column("window_code", "窗口代码", "03"),
        Column("case_no", "办件编号"),
        Column("service_no", "服务序号", "", False, "number"),
        Column("item_code", "事项编码"),
        Column("item_name", "事项名称", "城乡居民基本医疗保险参保登记"),
        Column("said_at", "反映时间", "2026-01-05 10:20", True, "moment"),
        Column("demanded_at", "要求答复时间", "2026-01-09 18:00", False, "moment"),
        Column("words", "反映内容", "样例：同样的证明要交两次（请删去本行）", True),
        Column("person.name", "姓名", "样例甲"),
        Column("person.phone", "手机号", "13800000000"),
        Column("person.cert_type", "证件类型", "居民身份证", False, "choice"),
        Column("person.cert_no", "证件号码"),
    ),
    TicketIn,
    ("number",),
)


def import_data(source: str, data: bytes, name: str, *, by: Actor, at: datetime) -> FileResult[Received]:
    """Take the tickets of a file.  Good rows are kept though others are refused.  Raises FileUnreadable."""
    rows = read_rows(data, name, FORM, {"person.cert_type": certificate_words(at)})
    told = tickets_receive(source, [row for _, row in rows], by=by, at=at, permission=PERMISSION)
    return FileResult(tuple((number, one) for (number, _), one in zip(rows, told, strict=True)))


def check_data(source: str, data: bytes, name: str, *, by: Actor, at: datetime) -> FileResult[Received]:
    """What `import_data` would answer, without keeping anything: the same work in a transaction taken back."""
    with transaction.atomic():
        result = import_data(source, data, name, by=by, at=at)
        transaction.set_rollback(True)
    return result
