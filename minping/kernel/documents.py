"""Documents that are handed in: judged by content, scanned, sealed, removed in time (minan/4.2.2, 4.2.3).

A stage keeps its own table of them (`Document` is what each such row holds); the content lies
sealed in the home folder under its hash, once however often it is handed in.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import wraps
from typing import Any, ClassVar

from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadhandler import MemoryFileUploadHandler
from django.db import models
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.http import content_disposition_header
from django.utils.translation import gettext_noop
from django.views.decorators.csrf import csrf_exempt, csrf_protect

from minping import law
from minping.kernel import ids, journal, privacy, scan
from minping.kernel.access import Actor
from minping.kernel.clock import beijing
from minping.kernel.errors import Problem
from minping.kernel.home import home


class EvidenceRefused(Problem):
    code = "evidence_refused"
    status = 422
    message = gettext_noop("“{name}”没有收下。")
    cure = gettext_noop("别的都还没有提交，请换一份再试。")


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


CHUNK = 500  # names asked of a table at once

# Bytes at a place → the endings they may stand under: an ending alone proves nothing.
MAGIC: tuple[tuple[int, bytes, frozenset[str]], ...] = (
    (0, b"%PDF-", frozenset({"pdf"})),
    (0, b"\x89PNG\r\n\x1a\n", frozenset({"png"})),
    (0, b"\xff\xd8\xff", frozenset({"jpg", "jpeg"})),
    (0, b"PK\x03\x04", frozenset({"docx", "xlsx", "ofd"})),
    (8, b"WAVE", frozenset({"wav"})),
    (4, b"ftypM4A", frozenset({"m4a"})),
    (4, b"ftypmp42", frozenset({"m4a"})),
    (4, b"ftypisom", frozenset({"m4a"})),
    (0, b"ID3", frozenset({"mp3"})),
    (0, b"\xff\xfb", frozenset({"mp3"})),
    (0, b"\xff\xf3", frozenset({"mp3"})),
)
# What a packed document holds, or it is none: any archive begins with the same bytes.
INSIDE = {"docx": "word/document.xml", "xlsx": "xl/workbook.xml", "ofd": "OFD.xml"}
MACROS = "vbaproject.bin"


def uploads_of(request: Any, field: str = "evidence") -> list[Upload]:
    """The files that a form carried in `field`."""
    return [Upload(file.name or "材料", file.read()) for file in request.FILES.getlist(field)]


class InMemory(MemoryFileUploadHandler):
    """Uploads that no disk may have, not even for the moment of the request: all in memory, or refused."""

    MOST = 64 * 1024 * 1024  # bytes of one request

    def handle_raw_input(self, *told: Any, **more: Any) -> None:
        self.activated = True
        self.left = self.MOST

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.left -= len(raw_data)
        if self.left < 0:
            raise RequestDataTooBig
        self.file.write(raw_data)


def never_on_disk(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """A view whose uploads stay in memory.  The handler comes before the form is read, so the token is asked for here."""

    @csrf_exempt
    @wraps(view)
    def held(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        request.upload_handlers = [InMemory(request)]
        return csrf_protect(view)(request, *args, **kwargs)

    return held


def checked(uploads: Sequence[Upload], area_code: str, at: datetime, rule: str = "evidence") -> list[str]:
    """The kind of each, by its content; asked before anything is written.  Raises EvidenceRefused, ScannerAway.

    `rule` names the values of the law file: `…_count`, `…_size` (bytes, of each), `…_kinds`.
    """
    rules = law.at(area_code, beijing(at).date())
    most = int(rules.value(f"{rule}_count").value)
    if len(uploads) > most:
        raise _refused(uploads[most], rule, gettext_noop("“{name}”没有收下：一次最多 {most} 份。"), most=most)
    return [_kind(upload, rules, rule) for upload in uploads]


def _refused(upload: Upload, rule: str, why: str, **detail: Any) -> EvidenceRefused:
    return EvidenceRefused(why, name=upload.name, field=rule, **detail)


def _kind(upload: Upload, rules: Any, rule: str) -> str:
    most, allowed = int(rules.value(f"{rule}_size").value), rules.value(f"{rule}_kinds").value
    suffix = upload.name.rsplit(".", 1)[-1].lower()
    real = frozenset[str]().union(
        *(endings for at, magic, endings in MAGIC if upload.content[at : at + len(magic)] == magic)
    )
    why, said = "", dict[str, Any]()
    if not upload.content:
        why = gettext_noop("“{name}”没有收下：文件是空的。")
    elif len(upload.content) > most:
        why, said = gettext_noop("“{name}”没有收下：文件太大，最大 {most} MB。"), {"most": most // 1024 // 1024}
    elif suffix not in real or ("jpg" if suffix == "jpeg" else suffix) not in allowed:
        why = gettext_noop("“{name}”没有收下：可用的文件是 {kinds}，内容要与文件名的后缀相符。")
        said = {"kinds": " ".join(allowed)}
    elif suffix in INSIDE and not _packed(upload.content, suffix, int(rules.value("evidence_unpacked").value)):
        why = gettext_noop("“{name}”没有收下：内容与文件名的后缀不符、带有宏，或展开后大得不正常。")
    elif scan.virus(upload.content):
        why = gettext_noop("“{name}”没有收下：扫毒发现它带有病毒。请用杀毒软件检查您的电脑。")
    if why:
        raise _refused(upload, rule, why, **said)
    return suffix


def _packed(content: bytes, suffix: str, most: int) -> bool:
    """Whether the archive is a document of this kind, without macros, and no bomb; nothing of it is unpacked."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return False
    names = {part.filename for part in parts}
    macros = any(name.lower().endswith(MACROS) for name in names)
    return INSIDE[suffix] in names and not macros and sum(part.file_size for part in parts) <= most


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


def strays_remove(tables: Sequence[type[Document]], *, before: datetime) -> int:
    """Take away contents that no row keeps: of an act that was refused after its document was sealed, or was killed.

    Only files older than `before`: an act that is under way has written its file before its row.
    """
    old = [file for file in home().evidence.iterdir() if file.stat().st_mtime < before.timestamp()]
    gone = 0
    for start in range(0, len(old), CHUNK):
        named = {file.name: file for file in old[start : start + CHUNK]}
        for table in tables:
            rows: Any = table._default_manager.filter(sha256__in=list(named), removed_at__isnull=True)
            for sha256 in rows.values_list("sha256", flat=True):
                named.pop(sha256, None)
        for file in named.values():
            file.unlink(missing_ok=True)
        gone += len(named)
    return gone


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
