"""Strict reading of one YAML file: a key written twice is a fault, not a silent choice of the last."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from minping.law.errors import broken

# The C parser is about ten times faster, but not every installation of PyYAML has it.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_LARGEST = 2 * 1024 * 1024


def read_text(path: Path, name: str) -> str:
    """The file's text; LawError when it cannot be read, is not UTF-8, or is absurdly large."""
    try:
        data = path.read_bytes()
    except OSError as fault:
        reason = fault.strerror or fault
        cure = "请检查文件是否存在、权限是否正确"
        raise broken("LAW_FILE", name, "", f"读不出来（{reason}）", cure) from None
    if len(data) > _LARGEST:
        raise broken("LAW_FILE", name, "", f"有 {len(data)} 字节，不像规则文件", "请确认选对了文件")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise broken("LAW_FILE", name, "", "不是 UTF-8 编码", "请另存为 UTF-8 编码再用") from None


def parse(text: str, name: str) -> Any:
    """The content of ``text``; LawError with the line on bad syntax or a repeated key."""
    loader = _LOADER(text)
    try:
        node = loader.get_single_node()
        if node is None:
            raise broken("LAW_YAML", name, "", "是空的", "请按同类文件的样子写明内容")
        _no_repeats(node, name, "")
        return loader.construct_document(node)
    except yaml.YAMLError as fault:
        mark = getattr(fault, "problem_mark", None)
        line = f"第 {mark.line + 1} 行" if mark is not None else "内容"
        cure = "请检查缩进、冒号后的空格和引号"
        raise broken("LAW_YAML", name, "", f"{line}不是正确的 YAML 写法", cure) from None
    except (ValueError, RecursionError):
        # E.g. 2026-02-30: PyYAML takes it for a date and datetime refuses it.
        cure = "日期写作 2026-01-31，并核对当月有没有这一天"
        raise broken("LAW_YAML", name, "", "含有不存在的日期或写坏的数值", cure) from None
    finally:
        loader.dispose()


def read(path: Path, name: str) -> Any:
    """Read and parse one file; ``name`` is what an error calls it."""
    return parse(read_text(path, name), name)


def _no_repeats(node: Any, name: str, key: str) -> None:
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for head, child in node.value:
            here = f"{key}.{head.value}" if key else str(head.value)
            if head.value in seen:
                raise broken("LAW_KEY_TWICE", name, here, "写了两遍", "请只留一个")
            seen.add(head.value)
            _no_repeats(child, name, here)
    elif isinstance(node, yaml.SequenceNode):
        for index, child in enumerate(node.value):
            _no_repeats(child, name, f"{key}[{index}]")
