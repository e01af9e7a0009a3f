"""`minping clue`: for the discipline officer's own machine, where the private key lies; needs no installation."""

from __future__ import annotations

import argparse
import base64
import getpass
import json
import os
import sys
from pathlib import Path

from minping.kernel.errors import Invalid
from minping.supervise import reader, sealed

LEAST = 12
LABELS = {
    "number": "编号", "handed_in": "收到", "from": "来源", "by": "移送人", "case": "差评件", "words": "内容",
    "contact": "联系方式",
}  # fmt: skip
SOURCES = {"staff": "工作人员移送", "rater": "评价人反映"}


def _passphrase(again: bool = False) -> str:
    """Typed unseen at a terminal; else the first line of the input (never an argument, which others can list)."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    typed = getpass.getpass("口令：")
    if again and getpass.getpass("再输一遍：") != typed:
        raise Invalid("两次输入的口令不一样。", cure="请重新运行。")
    return typed


def keygen(options: argparse.Namespace) -> None:
    """Make the key: the private half stays in the file, the public half is printed."""
    passphrase = _passphrase(again=True)
    if len(passphrase) < LEAST:
        raise Invalid(f"口令至少 {LEAST} 个字。", cure="请换一个长的，记在只有自己看得到的地方。")
    pem, public = sealed.key_make(passphrase)
    try:
        descriptor = os.open(options.file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as failure:
        raise Invalid(
            "这个文件已经有了。", cure="私钥不能覆盖：丢了就再也打不开封给它的线索。请换个文件名。"
        ) from failure
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(pem)
    print(f"私钥已写入 {options.file}，请妥善保管并另存一份；丢了或忘了口令，封给它的线索谁也打不开。")
    print(f"公钥（贴到“线索”页登记）：{sealed.public_text(public)}")
    print(f"指纹（写在纸上交负责人核对，并公布）：{sealed.fingerprint(public)}")


def reader_keep(options: argparse.Namespace) -> None:
    """Write the reader as a file and print the hash by which it is known."""
    Path(options.file).write_bytes(reader.page())
    print(f"阅读器已写入 {options.file}，用浏览器打开，不用联网。")
    print(f"指纹（SHA-256）：{reader.mark()}")


def opened(options: argparse.Namespace) -> None:
    """Open a sealed file with the private key, offline; prints what it says, writes attachments only where told."""
    private = sealed.key_read(Path(options.key).read_bytes(), _passphrase())
    told = sealed.file_open(Path(options.file).read_bytes(), private)
    if options.json:
        print(json.dumps(told, ensure_ascii=False, indent=1))
        return
    for name, label in LABELS.items():
        if told.get(name):
            print(f"{label}：{SOURCES.get(told[name], told[name])}")
    service = told.get("service", {})
    print(f"服务：{' '.join(service.values())}")
    for number, file in enumerate(told.get("files", ()), 1):
        print(f"附件 {number}：{file['name']}")
        if options.to:  # never over a file that is there, and never outside the folder, whatever it is called
            with (Path(options.to) / f"{number}-{Path(file['name']).name}").open("xb") as stream:
                stream.write(base64.b64decode(file["content"]))
