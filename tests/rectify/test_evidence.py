"""Documents: judged, scanned by a real ClamAV, kept with the case, removed in time; and the 处理单 (minan/4.2.2, 4.2.3)."""

from __future__ import annotations

import io
import re
import subprocess
import tempfile
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from docx import Document as Word

from minping.feedback import decisions
from minping.feedback.models import CallBack, Case, CaseDocument
from minping.kernel import clock, journal, scan
from minping.kernel.documents import EvidenceRefused, EvidenceRemoved, Upload, content
from minping.kernel.errors import Forbidden, NotFound, Problem
from minping.kernel.models import JournalEntry, account_names
from minping.rectify import retention, services, sheet
from minping.rectify.models import Evidence
from tests.support.services import free_port, require
from tests.support.world import FRIDAY, Story, actor, rate, receive, signed_in, ticket

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]
FILE = Upload("监控截图.pdf", b"%PDF-1.4 picture")
STATEMENT = "就是恶意"  # too short to stand without a document
# The industry's test file, put together here so that no scanner takes this test for it.
EICAR = rb"X5O!P%@AP[4\PZX54(P^)7CC)7}$" + b"EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


def propose(story: Story, verb: str = "malicious", **more: Any) -> Case:
    return decisions.case_decide(
        case_id=story.called().pk, verb=verb, said={"statement": STATEMENT}, by=actor("reviewer", story.at),
        at=story.later(), **more,
    )  # fmt: skip


def test_malicious_rests_on_a_document_that_is_kept_with_the_case() -> None:
    case = propose(Story(), uploads=[FILE])
    record = CaseDocument.objects.get()
    assert (case.state, record.verb, record.name) == ("malicious", "malicious", "监控截图.pdf")
    assert decisions.document_read(document_id=record.pk, by=actor("head"))[1] == FILE.content
    for nobody in ("window3", "neighbour"):
        with pytest.raises(NotFound):
            decisions.document_read(document_id=record.pk, by=actor(nobody))
    assert journal.verify().clean


def test_a_move_that_is_refused_keeps_no_document() -> None:
    story = Story()
    with pytest.raises(EvidenceRefused):
        propose(story, uploads=[FILE, Upload("x.pdf", b"MZ")])
    assert not CaseDocument.objects.exists()
    assert Case.objects.get().state == "verifying"


def test_more_documents_than_the_law_file_allows_are_refused_together() -> None:
    order = Story().confirmed()
    with pytest.raises(EvidenceRefused) as refused:
        services.order_report(
            order_id=order.pk, measures="做了。", uploads=[FILE] * 21, by=actor("unit"), at=order.assigned_at
        )
    assert "最多 20 份" in refused.value.message
    assert refused.value.field == "evidence"


def test_a_document_goes_when_its_time_is_over_and_its_row_stays(here: Path) -> None:
    story = Story()
    story.followed()
    rate(story.service, 4, at=story.later(), tags=(), text="")
    record = Evidence.objects.get()
    end = Case.objects.get().closed_at
    assert end is not None
    assert retention.evidence_expire(area_code="350213005", at=end + timedelta(days=1095)) == 0
    assert retention.evidence_expire(area_code="350213005", at=end + timedelta(days=1095, seconds=1)) == 1
    assert retention.evidence_expire(area_code="350213005", at=end + timedelta(days=1200)) == 0
    record.refresh_from_db()
    assert (record.name, record.removed_at is not None) == ("整改说明.pdf", True)
    assert not (here / "evidence" / record.sha256).exists()
    with pytest.raises(EvidenceRemoved):
        content(record)
    assert JournalEntry.objects.filter(action="evidence.removed").count() == 1
    assert journal.verify().clean


def test_the_content_of_an_act_that_came_to_nothing_does_not_stay(here: Path) -> None:
    story = Story()
    order = story.reported()
    stray = here / "evidence" / journal.fingerprint(b"%PDF-1.4 stray")
    with pytest.raises(Problem):  # an empty reason: refused after the document was sealed
        decisions.case_decide(
            case_id=order.case_id, verb="appeal", said={}, uploads=[Upload("申诉.pdf", b"%PDF-1.4 stray")],
            by=actor("window3"), at=story.later(),
        )  # fmt: skip
    assert stray.exists()
    assert retention.strays_expire(at=clock.now()) == 0  # it may be of an act under way
    assert retention.strays_expire(at=clock.now() + timedelta(days=1, minutes=1)) >= 1
    assert not stray.exists()
    assert content(Evidence.objects.get())


def test_what_was_said_at_a_call_goes_when_its_time_is_over_and_that_there_was_a_call_stays() -> None:
    story = Story()
    case = story.called()
    at = story.later(days=1200)
    assert retention.calls_expire(area_code="350213005", at=at) == 0  # an open case keeps everything
    Case.objects.filter(pk=case.pk).update(closed_at=story.at - timedelta(days=1095))
    assert retention.calls_expire(area_code="350213005", at=at) == 0
    assert retention.calls_expire(area_code="350213005", at=at + timedelta(seconds=1)) == 1
    assert retention.calls_expire(area_code="350213005", at=at + timedelta(days=9)) == 0
    call = CallBack.objects.get()
    assert (call.words, call.summary, call.outcome, call.recording_no) == ("", "", "answered", "L-1")
    assert call.removed_at is not None
    assert JournalEntry.objects.filter(action="call.removed", subject=case.pk).count() == 1
    page = signed_in("reviewer").get(f"/desk/mine/{case.pk}/").content.decode()
    assert "保存期满，已清除" in page
    assert "情况属实。" not in page


def test_the_same_content_of_an_open_case_is_not_taken_away(here: Path) -> None:
    done, open_ = Story("MA-1"), Story("MA-2")
    done.followed()
    rate(done.service, 4, at=done.later(), tags=(), text="")
    open_.reported()
    end = Case.objects.get(service=done.service).closed_at
    assert end is not None
    assert retention.evidence_expire(area_code="350213005", at=end + timedelta(days=1096)) == 1
    assert content(Evidence.objects.get(removed_at__isnull=True)) == b"%PDF-1.4 test"


# --- the scanner -------------------------------------------------------------------------------


@pytest.fixture
def clamd(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A real clamd with one signature of its own: no download of definitions."""
    require("clamav")
    with tempfile.TemporaryDirectory(prefix="minping-clamd-") as name:
        folder, port = Path(name), free_port()
        (folder / "db").mkdir()
        (folder / "db" / "test.ndb").write_text(f"Test.Eicar:0:*:{EICAR[:40].hex()}\n")
        (folder / "clamd.conf").write_text(
            f"Foreground yes\nTCPAddr 127.0.0.1\nTCPSocket {port}\nDatabaseDirectory {folder}/db\n"
        )
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(["/usr/sbin/clamd", "-c", f"{folder}/clamd.conf"], stdout=log, stderr=log)
        address = f"127.0.0.1:{port}"
        monkeypatch.setattr(scan, "address", lambda: address)
        try:
            for _ in range(200):
                try:
                    scan.virus(b"hello")
                    break
                except scan.ScannerAway:
                    assert process.poll() is None, (folder / "log").read_text()
                    time.sleep(0.1)
            yield address
        finally:
            process.terminate()
            process.wait(10)


@pytest.mark.once
def test_a_document_with_a_virus_is_refused_and_a_clean_one_kept(clamd: str) -> None:
    order = Story().confirmed()
    given = {"order_id": order.pk, "measures": "做了。", "by": actor("unit"), "at": order.assigned_at}
    with pytest.raises(EvidenceRefused) as refused:
        services.order_report(uploads=[FILE, Upload("坏.pdf", b"%PDF-1.4 " + EICAR)], **given)
    assert "病毒" in refused.value.message
    assert not Evidence.objects.exists()
    services.order_report(uploads=[FILE], **given)
    assert Evidence.objects.count() == 1


@pytest.mark.once
def test_a_scanner_that_does_not_answer_is_never_taken_for_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "address", lambda: f"127.0.0.1:{free_port()}")
    order = Story().confirmed()
    with pytest.raises(scan.ScannerAway):
        services.order_report(
            order_id=order.pk, measures="做了。", uploads=[FILE], by=actor("unit"), at=order.assigned_at
        )
    assert not Evidence.objects.exists()


# --- what was typed ----------------------------------------------------------------------------


def test_what_was_typed_is_there_again_after_a_refusal() -> None:
    order = Story().confirmed()
    client = signed_in("unit")
    answer = client.post(
        f"/orders/{order.pk}/report/?from=rectify",
        {"verb": "report", "measures": "写了很久的整改措施。", "evidence": io.BytesIO(b"MZ")}, follow=True,
    )  # fmt: skip
    page = answer.content.decode()
    assert "没有收下" in page
    assert "写了很久的整改措施。</textarea>" in page
    assert "写了很久的整改措施。" not in client.get(f"/desk/rectify/{order.case_id}/").content.decode()  # once


# --- the paper ---------------------------------------------------------------------------------


def text_of(word: bytes) -> str:
    document = Word(io.BytesIO(word))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    return "\n".join([*(p.text for p in document.paragraphs), *cells])


def test_the_paper_tells_the_whole_case_and_nobody_s_name() -> None:
    story = Story()
    story.followed()
    case = Case.objects.get()
    name, word = sheet.sheet_print(
        case_id=case.pk, kind="docx", names=account_names(), by=actor("head"), at=story.later()
    )
    told = text_of(word)
    assert name == f"处理单-{case.number}.docx"
    for words in (
        "政务服务“好差评”差评件处理单", case.number, "不满意", "同样的证明交了两次。", "一、评价", "二、电话回访",
        "三、整改", "已改为系统内核验", "整改说明.pdf", "验收通过", "解决了", "四、办理经过", "经办人", "负责人",
        "2026年11月20日 周五",
    ):  # fmt: skip
        assert words in told, words
    assert not [secret for secret in ("群众甲", "13800000000", "350213190001010011") if secret in told]
    days = re.findall(r"(.{5})\d{1,2}月\d{1,2}日", told)
    assert days and all(before.endswith("2026年") for before in days)  # paper outlives the year
    assert clock.day_text(FRIDAY) == "11月20日 周五"  # and the pages go on as before
    row = JournalEntry.objects.get(action="case.printed")
    assert row.facts["sha256"] == journal.fingerprint(word)


def test_the_paper_says_from_where_it_came_and_makes_no_rating_of_what_is_none() -> None:
    story = Story()
    case = story.negative()
    ticket(at=story.later(), case_no=story.case_no)
    own = ticket(at=story.later(), number="XM-9", person={"name": "群众乙", "phone": "13900000000"})
    assert own.case is not None

    def told(one: Case) -> str:
        _, word = sheet.sheet_print(case_id=one.pk, kind="docx", names={}, by=actor("head"), at=story.later())
        return text_of(word)

    rated, unrated = told(case), told(own.case)
    assert "本地评价渠道" in rated and "12345 热线 XM20261120000017" in rated
    assert "政务服务诉求处理单" in unrated and "一、来件" in unrated and "12345 热线 XM-9" in unrated
    for strange in ("差评", "评价等级", "评价人的话", "群众乙", "13900000000", "不听解释"):
        assert strange not in unrated, strange


@pytest.mark.once
def test_the_paper_as_pdf_and_only_for_who_reads_the_case() -> None:
    story = Story()
    case = story.called()
    with pytest.raises(Forbidden):
        sheet.sheet_print(case_id=case.pk, kind="pdf", names={}, by=actor("neighbour"), at=story.at)
    client = signed_in("head")
    assert client.get(f"/cases/{case.pk}/sheet/").status_code == 405  # a printing is on record: no link does it
    answer = client.post(f"/cases/{case.pk}/sheet/", {"kind": "pdf"})
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/pdf")
    assert answer.content.startswith(b"%PDF-")


@pytest.mark.parametrize("sign", ["\x01", "\x0b", "\x1b[31m", "\ufffe", "<w:p>&amp;", "$x^2$ @a *b* #sys.inputs"])
def test_no_sign_in_a_persons_words_keeps_the_case_from_paper(sign: str) -> None:
    case = Case.objects.get(rating=rate(receive()[0], 1, text=f"前{sign}后"))
    for kind in ("docx", "pdf"):
        assert signed_in("reviewer").post(f"/cases/{case.pk}/sheet/", {"kind": kind}).status_code == 200
