"""No listing, page, log or file of the sandbox shows who a person is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from minping.sandbox import Server
from minping.sandbox.masking import masked

from .conftest import Sender

PERSON: dict[str, Any] = {
    "applicant_name": "群众甲乙",
    "applicant_phone": "13800001234",
    "applicant_cert_no": "35000019990101001X",
    "agent": {"name": "代办人", "phone": "13900005678", "cert_no": "35000019990202002X"},
}
CLEAR = ("群众甲乙", "13800001234", "35000019990101001X", "代办人", "13900005678", "35000019990202002X")


def test_names_phones_and_certificates_are_masked_in_every_listing(sender: Sender) -> None:
    sender.send("service", **PERSON)
    (record,) = sender.received("service")
    shown = {key: record[key] for key in record if key.startswith(("applicant", "agent"))}
    assert shown == {
        "applicant_name": "群**",
        "applicant_phone": "138****1234",
        "applicant_cert_no": "350***********001X",
        "agent_name": "代**",
        "agent_phone": "139****5678",
        "agent_cert_no": "350***********002X",
    }


def test_what_identifies_a_person_is_in_no_file_page_or_log(
    province: Server, sender: Sender, store: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    sender.send("service", "办件-秘密部分-0042", **PERSON)
    sender.pool.request("GET", sender.url + "/13800001234?name=13800001234")
    page = sender.pool.request("GET", sender.url + "/").data.decode()
    province.stop()
    kept = b"".join(file.read_bytes() for file in store.parent.iterdir())
    log = capfd.readouterr().err
    for secret in CLEAR:
        escaped = secret.encode("ascii", "backslashreplace")
        assert secret.encode() not in kept and escaped not in kept
        assert secret not in page and secret not in log
    assert "秘密部分" not in log and "秘密部分" not in page
    assert "service …0042 accepted" in log


def test_the_log_has_one_line_for_each_request_whatever_the_message_says(
    sender: Sender, capfd: pytest.CaptureFixture[str]
) -> None:
    sender.send("service", "a\nb\n")
    sender.get("/received")
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 2 and all("ms" in line for line in lines)


@pytest.mark.parametrize(
    ("key", "value", "shown"),
    [
        ("applicant_name", "张三", "张*"),
        ("applicant_name", "张", "*"),
        ("applicant_name", "", ""),
        ("applicant_name", None, None),
        ("applicant_phone", 13800001234, "***"),
        ("contact_mobile", "0592", "****"),
        ("applicant_phone", "5921234", "****34"),
        ("applicant_cert_no", "A123", "****"),
        ("item_name", "社保登记", "社保登记"),
        ("organization_name", "民安街道", "民安街道"),
        ("agent_point_name", "某社区代办点", "某社区代办点"),
        ("text", "我叫13800001234", "我叫13800001234"),
        ("agents", [{"name": "代办人", "no": 1}], [{"name": "代**", "no": 1}]),
        ("evidence", [{"name": "照片.jpg"}], [{"name": "照片.jpg"}]),
    ],
)
def test_the_mask_hides_persons_and_leaves_things_alone(key: str, value: object, shown: object) -> None:
    assert masked({key: value}) == {key: shown}


def test_the_page_shows_counts_last_messages_and_behaviour_and_has_no_script(province: Server, sender: Sender) -> None:
    sender.send("service", "办件0007")
    sender.send("rating", "办件0007", level=1, text="<script>alert(1)</script>")
    province.behave(lose=0.1)
    answer = sender.pool.request("GET", sender.url + "/")
    page = answer.data.decode()
    assert "沙盒省平台" in page and "（仅供演示与测试）" in page
    assert "已收到 2 条记录" in page and "…0007" in page and "非常不满意" in page
    assert "丢失答复（比例 0.1）" in page
    assert "<script" not in page and "default-src 'none'" in answer.headers["Content-Security-Policy"]
