"""The provable record: append-only, hash-chained, checked by `minping verify`.

Two layers.  *Leaves* bind the business records: each journal row carries a keyed
digest of every record it speaks of, so a rating altered, removed or slipped in by
SQL differs from its leaf.  The *chain* binds the journal rows: a sealer links the
new rows, in small batches within a second, as transparency logs do, so that the
rating path never waits for its turn in the chain.  Heads of the chain are also
written outside the database: a tail cut off shows.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import struct
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple, ParamSpec

from django.apps import apps
from django.db import connection, models, transaction

from minping.kernel import bulk, ids, privacy
from minping.kernel.home import home
from minping.kernel.models import JournalEntry

LEAF = 32
DIGEST = 16
GONE = bytes(DIGEST)  # the leaf of a record removed by rule (retention): its absence is right
GENESIS = bytes(32)
SEAL_BATCH = 5000
Given = ParamSpec("Given")


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return "\x00"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    if isinstance(value, (bytes, memoryview, bytearray)):
        return bytes(value).hex()
    if isinstance(value, uuid.UUID):
        return value.hex
    if isinstance(value, (list, dict, tuple)):
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    return str(int(value)) if isinstance(value, (bool, int)) else str(value)


def digest(label: str, values: Iterable[Any], key: bytes | None = None) -> bytes:
    """Keyed digest (16 bytes) of a record's journalled values, in their declared order."""
    message = "\x1f".join([label, *map(_text, values)])
    return hmac.digest(key or home().key("journal"), message.encode("utf-8", "surrogatepass"), "sha256")[:DIGEST]


def digests(label: str, columns: Sequence[Sequence[Any]]) -> list[bytes]:
    """`digest` of many records of one kind, given by columns in their declared order."""
    keyed = privacy.keyed_many("journal", f"{label}\x1f".encode())
    join = "\x1f".join
    return [
        keyed(join(row).encode("utf-8", "surrogatepass"))[:DIGEST]
        for row in zip(*map(_texts, columns), strict=True)
    ]  # fmt: skip


def _texts(values: Sequence[Any]) -> Sequence[str]:
    """`_text` of a column, whose values are mostly of one type."""
    kinds = set(map(type, values))
    if kinds == {str}:
        return values
    if kinds == {bytes}:
        return [value.hex() for value in values]
    if kinds == {datetime} and all(value.tzinfo is UTC for value in values):
        return [value.isoformat(timespec="microseconds") for value in values]
    return [_text(value) for value in values]


def leaves_of(label: str, ids: Sequence[uuid.UUID], columns: Sequence[Sequence[Any]]) -> bytes:
    """`leaf` of many records of one kind, for `write(leaves=…)`."""
    told = digests(label, columns)
    return b"".join([part for pair in zip([i.bytes for i in ids], told, strict=True) for part in pair])


def journalled(model: type[models.Model]) -> tuple[str, ...]:
    """The fields whose change without a journal row is a forgery (`JOURNALLED` on the model)."""
    return tuple(getattr(model, "JOURNALLED", ()))


def _later(model: type[models.Model]) -> Mapping[str, Any]:
    """Fields that came to a model after its first records: name to the value of records from before.

    They count in a digest only where they differ from that value, so that records of
    an earlier version stay proven and a later forgery shows (`JOURNALLED_LATER`).
    """
    found: Mapping[str, Any] = getattr(model, "JOURNALLED_LATER", {})
    return found


def _counted(model: type[models.Model], values: Sequence[Any]) -> list[Any]:
    """`values` (of the journalled fields, then the later ones) as they enter the digest."""
    later = _later(model)
    first = len(values) - len(later)
    more = [
        f"{name}\x1e{_text(value)}"
        for (name, before), value in zip(later.items(), values[first:], strict=True)
        if value != before
    ]
    return [*values[:first], *more]


def leaf(record: models.Model) -> bytes:
    """The record's id and digest, as a journal row carries them."""
    values = []
    for path in (*journalled(type(record)), *_later(type(record))):
        value: Any = record
        for step in path.split("__"):
            value = getattr(value, step)
        values.append(value)
    identifier: bytes = record.pk.bytes
    return identifier + digest(record._meta.label_lower, _counted(type(record), values))


class Entry(NamedTuple):
    """One row to be written, not yet a model: lighter than a model on the rating path."""

    id: uuid.UUID
    at: datetime
    action: str
    actor: str
    organization_code: str
    subject: uuid.UUID | None
    data: str
    leaves: bytes


def entry_for(
    action: str,
    *,
    at: datetime,
    actor: str,
    organization_code: str = "",
    subject: uuid.UUID | None = None,
    records: Sequence[models.Model] = (),
    leaves: bytes = b"",
    **facts: Any,
) -> Entry:
    """A row for `write_all`.  `facts` hold no personal data, ever."""
    if subject is None and len(records) == 1:
        subject = records[0].pk
    return Entry(
        ids.uuid7(),
        at,
        action,
        actor[:80],
        organization_code,
        subject,
        json.dumps(facts, ensure_ascii=False, sort_keys=True, default=str),
        leaves + b"".join(leaf(record) for record in records),
    )


def write_all(entries: Iterable[Entry]) -> None:
    """Write many rows at once, in the caller's transaction."""
    bulk.insert(JournalEntry, Entry._fields, entries)


def _written(make: Callable[Given, Entry]) -> Callable[Given, Entry]:
    def write(*args: Given.args, **given: Given.kwargs) -> Entry:
        """Write one row in the caller's transaction; takes what `entry_for` takes."""
        entry = make(*args, **given)
        write_all([entry])
        return entry

    return write


write = _written(entry_for)


# --- the chain ---------------------------------------------------------------------------------


def _link(previous: bytes, entry: Sequence[Any], key: bytes) -> bytes:
    """Chain value of (id, at, action, actor, organisation, subject, data, leaves)."""
    head = "\x1f".join(_text(value) for value in entry[:-1]).encode("utf-8", "surrogatepass")
    leaves = bytes(entry[-1])
    return hmac.digest(key, previous + struct.pack(">QQ", len(head), len(leaves)) + head + leaves, "sha256")


_COLUMNS = ("id", "at", "action", "actor", "organization_code", "subject", "data", "leaves")


def seal(limit: int = SEAL_BATCH) -> int:
    """Link up to `limit` unsealed rows into the chain; returns how many.

    Run by one job at a time (its claim sees to that); `seq` being unique makes a
    second sealer fail whole rather than fork the chain.
    """
    key = home().key("journal")
    with transaction.atomic():
        pending = list(JournalEntry.objects.filter(seq__isnull=True).order_by("id").values_list(*_COLUMNS)[:limit])
        if not pending:
            return 0
        last = JournalEntry.objects.filter(seq__isnull=False).order_by("-seq").values_list("seq", "chain").first()
        seq, chain = (last[0], bytes(last[1] or b"")) if last else (0, GENESIS)
        assert seq is not None
        updates: list[tuple[int, bytes, Any]] = []
        for entry in pending:
            seq += 1
            chain = _link(chain, entry, key)
            updates.append((seq, chain, entry[0] if connection.vendor == "postgresql" else entry[0].hex))
        with connection.cursor() as cursor:
            cursor.executemany(
                f"UPDATE {JournalEntry._meta.db_table} SET seq = %s, chain = %s WHERE id = %s AND seq IS NULL",
                updates,
            )
    _note_head(seq, chain)
    return len(updates)


def _note_head(seq: int, chain: bytes) -> None:
    with home().heads.open("a", encoding="ascii") as stream:
        stream.write(f"{seq} {chain.hex()}\n")


# --- verification ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Finding:
    """What `minping verify` found wrong first: the row, and in what way."""

    kind: str  # altered | removed | inserted | chain
    where: str
    message: str


@dataclass(frozen=True)
class Verification:
    findings: tuple[Finding, ...]
    entries: int
    records: int

    @property
    def clean(self) -> bool:
        return not self.findings


def covered_models() -> list[type[models.Model]]:
    return [model for model in apps.get_models() if journalled(model)]


def verify(most: int = 20) -> Verification:
    """Recompute the chain and every record's leaf; name what differs, first things first."""
    findings: list[Finding] = []
    latest: dict[bytes, bytes] = {}
    entries = 0
    for finding in _walk_chain(latest):
        if isinstance(finding, int):
            entries = finding
        else:
            findings.append(finding)
            if len(findings) >= most:
                return Verification(tuple(findings), entries, 0)
    records = 0
    for model in covered_models():
        names = journalled(model)
        label = model._meta.label_lower
        title = str(model._meta.verbose_name)
        key = home().key("journal")
        rows = model._default_manager.order_by("pk").values_list("pk", *names, *_later(model))
        for row in rows.iterator(chunk_size=5000):
            records += 1
            known = latest.pop(row[0].bytes, None)
            if known is None:
                findings.append(
                    Finding("inserted", f"{label} {row[0]}", f"{title} {row[0]} 没有对应的日志：是绕过系统插入的。")
                )
            elif known == GONE:
                findings.append(
                    Finding("inserted", f"{label} {row[0]}", f"{title} {row[0]} 已按规定清除，却又出现了。")
                )
            elif known != digest(label, _counted(model, row[1:]), key):
                findings.append(Finding("altered", f"{label} {row[0]}", f"{title} {row[0]} 与日志不符：被改动过。"))
            if len(findings) >= most:
                return Verification(tuple(findings), entries, records)
    missing = [identifier for identifier, value in latest.items() if value != GONE]
    for identifier in missing[: most - len(findings)]:
        name = uuid.UUID(bytes=identifier)
        findings.append(Finding("removed", str(name), f"记录 {name}（{_kind_of(identifier)}）已不在库中：被删除了。"))
    return Verification(tuple(findings), entries, records)


def _kind_of(identifier: bytes) -> str:
    entry = JournalEntry.objects.filter(subject=uuid.UUID(bytes=identifier)).order_by("id").first()
    return entry.action if entry else "成批写入"


def _walk_chain(latest: dict[bytes, bytes]) -> Iterator[Finding | int]:
    """Walk the sealed rows in order, then the unsealed ones; fill `latest`; yield findings, then the count."""
    key = home().key("journal")
    heads = _noted_heads()
    chain, expected, count = GENESIS, 0, 0
    broken = False
    rows = JournalEntry.objects.filter(seq__isnull=False).order_by("seq").values_list("seq", "chain", *_COLUMNS)
    for row in rows.iterator(chunk_size=2000):
        expected += 1
        count += 1
        if row[0] != expected:
            yield Finding("removed", f"journal {expected}", f"日志第 {expected} 行不见了（下一行是第 {row[0]} 行）。")
            expected = row[0]
            broken = True
        chain = _link(chain, row[2:], key)
        if chain != bytes(row[1] or b"") and not broken:
            yield Finding(
                "altered", f"journal {row[0]}", f"日志第 {row[0]} 行（{row[4]}，{row[2]}）与链不符：被改动过。"
            )
            broken = True
        chain = bytes(row[1] or b"")
        broken = False
        noted = heads.pop(expected, None)
        if noted is not None and noted != chain.hex():
            yield Finding("chain", f"journal {expected}", f"日志第 {expected} 行与库外留存的链头不符：整条链被重写过。")
        _take(latest, row[9])
    if heads:
        last = max(heads)
        yield Finding(
            "removed", f"journal {last}", f"库外留存的链头到第 {last} 行，库中只到第 {expected} 行：尾部被截断。"
        )
    for leaves in JournalEntry.objects.filter(seq__isnull=True).order_by("id").values_list("leaves", flat=True):
        count += 1
        _take(latest, leaves)
    yield count


def _take(latest: dict[bytes, bytes], leaves: Any) -> None:
    blob = bytes(leaves)
    for start in range(0, len(blob), LEAF):
        latest[blob[start : start + 16]] = blob[start + 16 : start + LEAF]


def _noted_heads() -> dict[int, str]:
    try:
        lines = home().heads.read_text(encoding="ascii").splitlines()
    except FileNotFoundError:
        return {}
    heads = {}
    for line in lines:
        seq, _, value = line.partition(" ")
        if seq.isdigit() and len(value) == 64:  # a line cut by a crash says nothing
            heads[int(seq)] = value
    return heads


def fingerprint(value: bytes) -> str:
    """Content address of a file: SHA-256, hex."""
    return hashlib.sha256(value).hexdigest()
