"""Documents that are handed in: judged by content, scanned, sealed, removed in time (minan/4.2.2, 4.2.3).

A stage keeps its own table of them (`Document` is what each such row holds); the content lies
sealed in the home folder under its hash, once however often it is handed in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from django.db import models
from django.http import HttpResponse
from django.utils.http import content_disposition_header

from minping import law
from minping.kernel import ids, journal, privacy, scan
from minping.kernel.access import Actor
from minping.kernel.clock import beijing
from minping.kernel.errors import Problem
from minping.kernel.home import home


class EvidenceRefused(Problem):
    code = "evidence_refused"
    status = 422
    message = "“{name}”不能作为佐证材料。"


class EvidenceRemoved(Problem):
    code = "evidence_removed"
    status = 410
    message = "这份材料保存期满，已经清除。"
    cure = "名称、大小和指纹留在办理记录里。"


@dataclass(frozen=True)
class Upload:
    """A file as it was handed in."""

    name: str
    content: bytes


class Document(models.Model):
    """What is known of a document; a table of them says what it belongs to."""

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=60)
    size = models.IntegerField()
    sha256 = models.CharField(max_length=64)
    added_at = models.DateTimeField()
    added_by = models.CharField(max_length=80)
    removed_at = models.DateTimeField(null=True)  # the content, by the retention rule; the row stays

    JOURNALLED: ClassVar[tuple[str, ...]] = ("name", "kind", "size", "sha256", "added_at", "added_by")
    JOURNALLED_LATER: ClassVar = {"removed_at": None}

    class Meta:
        abstract = True


# First bytes → the endings they may stand under: an ending alone proves nothing.
MAGIC: tuple[tuple[bytes, frozenset[str]], ...] = (
    (b"%PDF-", frozenset({"pdf"})),
    (b"\x89PNG\r\n\x1a\n", frozenset({"png"})),
    (b"\xff\xd8\xff", frozenset({"jpg", "jpeg"})),
    (b"PK\x03\x04", frozenset({"docx", "xlsx", "ofd"})),
    (b"RIFF", frozenset({"wav"})),
    (b"ID3", frozenset({"mp3"})),
    (b"\xff\xfb", frozenset({"mp3"})),
)


def uploads_of(request: Any, field: str = "evidence") -> list[Upload]:
    """The files that a form carried in `field`."""
    return [Upload(file.name or "材料", file.read()) for file in request.FILES.getlist(field)]


def checked(uploads: Sequence[Upload], area_code: str, at: datetime) -> list[str]:
    """The kind of each, by its content; asked before anything is written.  Raises EvidenceRefused, ScannerAway."""
    rules = law.at(area_code, beijing(at).date())
    most = int(rules.value("evidence_count").value)
    if len(uploads) > most:
        raise EvidenceRefused(name=uploads[most].name, cure=f"一次最多 {most} 份，请合并后再传。", field="evidence")
    return [_kind(upload, rules) for upload in uploads]


def _kind(upload: Upload, rules: Any) -> str:
    most, allowed = int(rules.value("evidence_size").value), rules.value("evidence_kinds").value
    suffix = upload.name.rsplit(".", 1)[-1].lower()
    real = next((endings for magic, endings in MAGIC if upload.content.startswith(magic)), frozenset[str]())
    cure = ""
    if not upload.content:
        cure = "文件是空的，请重新选择。"
    elif len(upload.content) > most:
        cure = f"文件太大，最大 {most // 1024 // 1024} MB。"
    elif suffix not in real or ("jpg" if suffix == "jpeg" else suffix) not in allowed:
        cure = f"可用的文件：{'、'.join(allowed)}；内容要与文件名的后缀相符。"
    elif scan.virus(upload.content):
        cure = "扫毒发现它带有病毒，没有保存。请用杀毒软件检查您的电脑，换一份干净的文件。"
    if cure:
        raise EvidenceRefused(name=upload.name, cure=cure, field="evidence")
    return suffix


def keep(record: Document, upload: Upload, kind: str, *, by: Actor, at: datetime) -> None:
    """Seal the content into the home folder and write the row; the caller names it in the journal."""
    sha256 = journal.fingerprint(upload.content)
    file = home().evidence / sha256
    if not file.exists():
        fresh = file.with_suffix(f".{record.pk.hex}.new")
        fresh.write_bytes(privacy.seal(upload.content, f"evidence:{sha256}"))
        fresh.replace(file)
    record.name, record.kind, record.size, record.sha256 = upload.name[-120:], kind, len(upload.content), sha256
    record.added_at, record.added_by = at, by.name
    record.save(force_insert=True)


def content(record: Document) -> bytes:
    """What was handed in.  Raises EvidenceRemoved."""
    if record.removed_at is not None:
        raise EvidenceRemoved()
    return privacy.unseal((home().evidence / record.sha256).read_bytes(), f"evidence:{record.sha256}")


def remove(records: Sequence[Document], tables: Sequence[type[Document]], *, at: datetime) -> None:
    """Mark `records` removed and take away each content that no row of `tables` still keeps.

    The file goes before the transaction ends: whoever is killed between is repeated, and nothing stays behind.
    """
    for record in records:
        record.removed_at = at
        record.save(update_fields=["removed_at"])
    hashes = {record.sha256 for record in records}
    kept: set[str] = set()
    for table in tables:
        rows: Any = table._default_manager.filter(sha256__in=hashes, removed_at__isnull=True)
        kept.update(rows.values_list("sha256", flat=True))
    for sha256 in hashes - kept:
        (home().evidence / sha256).unlink(missing_ok=True)


def download(name: str, content: bytes, kind: str = "application/octet-stream") -> HttpResponse:
    """Always as a download: nothing handed in is ever run by a browser here."""
    response = HttpResponse(content, content_type=kind)
    disposition = content_disposition_header(True, name)
    if disposition:
        response["Content-Disposition"] = disposition
    return response


def shown(record: Document, url: str, moment: str) -> dict[str, Any]:
    """A document as a page lists it; no link once its content was removed."""
    size = record.size
    told = f"{size / 1024 / 1024:.1f} MB" if size >= 1024 * 1024 else f"{max(1, size // 1024)} KB"
    removed = record.removed_at is not None
    return {
        "name": record.name, "url": "" if removed else url, "time_text": moment,
        "size_text": f"{told} · 保存期满已清除" if removed else told,
    }  # fmt: skip
