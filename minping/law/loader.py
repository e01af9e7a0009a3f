"""From the folder to a Book. Every fault names the file, the key and the cure; one bad file hides no other.

Layout below the root: ``clauses.yaml`` and, for each area with rules of its own, ``areas/<code>/`` with
``area.yaml``, ``limits/<id>.yaml``, ``values/<id>.yaml``, ``codes/<id>.yaml`` and ``<list>.yaml``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from minping.law import build, model, schema, yamlfile
from minping.law.areas import normal
from minping.law.book import Book, Key, Version
from minping.law.crosscheck import crosscheck
from minping.law.errors import LawError, broken
from minping.law.lower import check_lower

# What a re-reading of the same document changes; it must not change the rule version that ratings store.
_NOT_SUBSTANCE = frozenset({"checked_on", "note"})


@dataclass(frozen=True, slots=True)
class _Kind:
    """The shape of one kind of file: keys at the top, keys of a version, and what it becomes."""

    header: Mapping[str, schema.Check]
    version: Mapping[str, schema.Check]
    build: build.Builder
    header_optional: Mapping[str, schema.Check]


_KINDS: Mapping[str, _Kind] = {
    "limits": _Kind(
        {"starts": schema.text},
        {"value": schema.positive, "unit": schema.one_of(*schema.LIMIT_UNITS)},
        build.build_limit,
        {},
    ),
    "values": _Kind(
        {},
        {"value": schema.plain, "unit": schema.one_of(*schema.VALUE_UNITS)},
        build.build_value,
        {"tighter": schema.one_of("lower", "higher")},
    ),
    "codes": _Kind(
        {"kind": schema.one_of(*schema.LISTS)},
        {"rows": schema.code_rows},
        build.build_codes,
        {},
    ),
    "lists": _Kind({}, {"rows": schema.rows}, build.build_list, {}),
}
_FOLDERS = tuple(kind for kind in _KINDS if kind != "lists")


def read_folder(root: Path) -> tuple[Book, list[LawError]]:
    """Read the whole folder and return it with every fault found (none: the list is empty)."""
    book, faults = Book(), list[LawError]()
    _try(faults, lambda: _read_clauses(book, root))
    base = root / "areas"
    if not base.is_dir():
        faults.append(broken("LAW_FOLDER", "areas", "", "没有这个文件夹", "请检查规则文件夹是否完整"))
        return book, faults
    for folder in sorted(base.iterdir()):
        if not folder.name.startswith("."):
            _read_area(book, root, folder, faults)
    if not faults:
        # Rules between files only make sense when each file reads well by itself.
        faults += check_lower(book)
        faults += crosscheck(book)
    return book, faults


def open_folder(root: Path) -> Book:
    """Read the folder; LawError with the first fault, and how many more there are."""
    book, faults = read_folder(root)
    if faults:
        first = faults[0]
        more = f"（另有 {len(faults) - 1} 处问题）" if len(faults) > 1 else ""
        raise LawError(first.code, first.message + more, file=first.file, key=first.key)
    return book


def _try(faults: list[LawError], step: Callable[[], object]) -> None:
    try:
        step()
    except LawError as fault:
        faults.append(fault)


def _read_clauses(book: Book, root: Path) -> None:
    name = "clauses.yaml"
    rows = yamlfile.read(root / name, name)
    if not isinstance(rows, list):
        raise broken("LAW_SHAPE", name, "", "应当是一个列表", "每行写 {id: …, title: …}")
    for index, row in enumerate(rows):
        found = schema.fields(
            row, name, f"[{index}]", {"id": schema.text, "title": schema.text}, {"place": schema.text}
        )
        if found["id"] in book.clauses:
            wrong = f"条款 {found['id']} 写了两遍"
            raise broken("LAW_DUPLICATE", name, f"[{index}].id", wrong, "请只留一个")
        book.clauses[found["id"]] = model.Clause(**found)


def _read_area(book: Book, root: Path, folder: Path, faults: list[LawError]) -> None:
    name = folder.relative_to(root).as_posix()
    if not folder.is_dir() or not _is_code(folder.name):
        cure = "文件夹请用最短的区划代码命名，例如 350213 或 350213005；其他文件请移走"
        faults.append(broken("LAW_AREA", name, "", "不是行政区划的文件夹", cure))
        return
    _try(faults, lambda: _read_own(book, folder, f"{name}/area.yaml"))
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.is_file() and not hidden and path != folder / "area.yaml":
            try:
                _read_item(book, root, folder, path)
            except LawError as fault:
                faults.append(fault)


def _is_code(name: str) -> bool:
    try:
        return normal(name) == name
    except LawError:
        return False


def _read_own(book: Book, folder: Path, name: str) -> None:
    needed = {"code": schema.code, "label": schema.text}
    raw = yamlfile.read(folder / "area.yaml", name)
    found = schema.fields(raw, name, "", needed, {"note": schema.text})
    if found["code"] != folder.name:
        wrong = f"写的是 {found['code']}，文件夹却是 {folder.name}"
        raise broken("LAW_AREA", name, "code", wrong, "请改成同一个代码")
    book.areas[folder.name] = model.Area(folder.name, found["label"])


def _key_of(path: Path, folder: Path, name: str) -> Key:
    parts = path.relative_to(folder).with_suffix("").parts
    if path.suffix == ".yaml" and len(parts) == 1 and parts[0] in schema.LISTS:
        return "lists", parts[0]
    if path.suffix == ".yaml" and len(parts) == 2 and parts[0] in _FOLDERS:
        try:
            return parts[0], schema.ident(parts[1])
        except schema.Bad as bad:
            raise broken("LAW_FILE", name, "", f"文件名{bad.wrong}", bad.cure) from None
    known = "、".join(["area.yaml", *(f"{one}.yaml" for one in schema.LISTS)])
    folders = "、".join(f"{one}/" for one in _FOLDERS)
    cure = f"可用的是 {known}，以及 {folders} 下的 yaml 文件；请改名或移走"
    raise broken("LAW_FILE", name, "", "不是认识的规则文件", cure)


def _read_item(book: Book, root: Path, folder: Path, path: Path) -> None:
    name, area = path.relative_to(root).as_posix(), folder.name
    key = _key_of(path, folder, name)
    kind = _KINDS[key[0]]
    content = yamlfile.read(path, name)
    top = {**schema.HEADER, **kind.header, "versions": schema.rows}
    header = schema.fields(content, name, "", top, kind.header_optional)
    extra = schema.LISTS[key[1]].version if key[0] == "lists" else {}
    needed = {**schema.VERSION, **kind.version, **extra}
    checked = [
        schema.fields(raw, name, f"versions[{index}]", needed, schema.VERSION_OPTIONAL)
        for index, raw in enumerate(header["versions"])
    ]
    about = {one: header[one] for one in header if one != "versions"}
    versions: list[Version] = []
    for index, (version, (first, last)) in enumerate(zip(checked, _spans(name, checked), strict=True)):
        place = build.Place(name, area, key[1], f"versions[{index}]", first, last, book.clauses)
        build.known_clause(place, version["clause"], f"{place.key}.clause")
        raw = header["versions"][index]
        versions.append(
            Version(
                file=name,
                place=place.key,
                area=area,
                label=header["label"],
                lower_may=header["lower_may"],
                first=first.toordinal(),
                last=(last or date.max).toordinal(),
                payload=kind.build(place, header, version),
                raw={**about, **{one: raw[one] for one in raw if one not in _NOT_SUBSTANCE}},
                tighter=header.get("tighter", "lower"),
            )
        )
    book.items.setdefault(key, {})[area] = versions


def _spans(name: str, versions: list[dict[str, Any]]) -> list[tuple[date, date | None]]:
    """First and last day of each version; a version without ``to`` lasts until the next one."""
    spans: list[tuple[date, date | None]] = []
    for index, version in enumerate(versions):
        first, last = version["from"], version.get("to")
        following = versions[index + 1]["from"] if index + 1 < len(versions) else None
        if following is not None and following <= first:
            wrong = f"{following} 不晚于前一版的 {first}"
            key = f"versions[{index + 1}].from"
            raise broken("LAW_ORDER", name, key, wrong, "请按生效日期从早到晚排列，同一天只写一版")
        if last is not None and last < first:
            wrong = f"{last} 早于生效日 {first}"
            raise broken("LAW_ORDER", name, f"versions[{index}].to", wrong, "请核对两个日期")
        if last is not None and following is not None and last >= following:
            wrong = f"{last} 与下一版（{following} 起）重叠"
            cure = "请改为下一版生效的前一天或更早"
            raise broken("LAW_ORDER", name, f"versions[{index}].to", wrong, cure)
        if last is None and following is not None:
            last = date.fromordinal(following.toordinal() - 1)
        spans.append((first, last))
    return spans
