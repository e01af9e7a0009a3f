"""Services as files and presses as forms, for tests against a whole installation."""

from __future__ import annotations

import csv
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.support.live import Installation

ITEM = "XN35021300520MINPINGDEMO2026001"
HEADINGS = [
    "机构代码", "办件编号", "服务序号", "服务名称", "事项编码", "窗口代码", "工号", "办理方式", "办件状态", "受理时间",
    "服务时间", "办结时间", "申请人类别", "姓名", "证件类型", "证件号码", "手机号",
]  # fmt: skip


def write_services(file: Path, count: int, now: str) -> None:
    served = datetime.fromisoformat(now) - timedelta(minutes=5)
    text = f"{served:%Y-%m-%d %H:%M:%S}"
    with file.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(HEADINGS)
        for number in range(count):
            writer.writerow([
                "minan-center", f"MA-T-{number:06d}", 1, "办结", ITEM, "03", "w03", "大厅", 3, text, text, text, "个人",
                "群众甲", "111", "350213190001010011", "13800000000",
            ])  # fmt: skip


def post(live: Installation, url: str, **fields: Any) -> int:
    answer = live.http.request(
        "POST", url, body=urlencode(fields, doseq=True), redirect=False,
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )  # fmt: skip
    return answer.status


def service(live: Installation, case_no: str, phone: str = "") -> dict[str, Any]:
    """One service of a citizen who never was, as JSON."""
    now = live.now()
    return {
        "organization_code": "minan-center", "case_no": case_no, "service_no": 1, "service_name": "办结",
        "item_code": ITEM, "window_code": "03", "handling": "hall", "case_state": 3, "accepted_at": now,
        "served_at": now,
        "applicant": {"kind": "person", "name": "群众甲", "cert_type": "111", "cert_no": "350213190001010011", "phone": phone},
    }  # fmt: skip
