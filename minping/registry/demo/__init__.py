"""The demonstration office: 民安街道 with its centre and agent points, roles instead of persons.

What is invented is plainly so: item codes begin with XN (虚拟), communities are called
甲 to 丁, staff are called by their posts.
"""

from __future__ import annotations

import os
import secrets
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from django.db import transaction

from minping.kernel import journal
from minping.kernel.access import Actor
from minping.kernel.home import home
from minping.kernel.models import Account, Assignment
from minping.registry import importing
from minping.registry.models import Organization

FOLDER = Path(__file__).parent
FILE = "demo-accounts.txt"
HEAD = "# 演示账号（账号、显示名、口令）。只供演示；正式使用前请停用这些账号并删除本文件。\n"
_STARTS = "bdfghjklmnprstwz"
_VOWELS = "aeiou"


def load(*, by: Actor, at: datetime) -> dict[str, str | None]:
    """Make the demonstration office where there is none; returns each account's password.

    The registry is imported only when it is empty.  Accounts that are missing are made;
    their passwords are written to `demo-accounts.txt` in the home folder (mode 0600)
    before that, so that a crash between the two loses none.  A second call changes
    nothing and returns what the file holds (None: the file no longer knows it).
    """
    wanted: list[dict[str, str]] = yaml.load((FOLDER / "accounts.yaml").read_text("utf-8"), yaml.BaseLoader)
    with transaction.atomic():
        if not Organization.objects.exists():
            importing.registry_import(importing.plan(importing.read(FOLDER)), by=by, at=at)
        there = set(
            Account.objects.filter(username__in=[row["username"] for row in wanted]).values_list("username", flat=True)
        )
        missing = [row for row in wanted if row["username"] not in there]
        passwords = _kept()
        if missing:
            for row in missing:
                passwords.setdefault(row["username"], (row["name"], readable_password()))
            _keep(passwords)
        for row in missing:
            _account(row, passwords[row["username"]][1], by, at)
    return {row["username"]: passwords.get(row["username"], ("", None))[1] for row in wanted}


def _account(row: dict[str, str], password: str, by: Actor, at: datetime) -> None:
    account = Account.objects.create_account(row["username"], row["name"], password, staff_code=row["staff_code"])
    place: dict[str, Any] = {"organization_code": row["organization"], "window_code": row.get("window", "")}
    Assignment.objects.create(account=account, role=row["role"], **place)
    journal.write(
        "account.created", at=at, actor=by.name, organization_code=row["organization"], subject=account.pk,
        username=row["username"], role=row["role"], window_code=place["window_code"],
    )  # fmt: skip


def readable_password() -> str:
    """Six syllables and four digits, about 50 random bits: `tebo-rulu-kima-4821` can be read out."""
    syllables = [secrets.choice(_STARTS) + secrets.choice(_VOWELS) for _ in range(6)]
    digits = "".join(secrets.choice("23456789") for _ in range(4))
    return "-".join("".join(syllables[i : i + 2]) for i in range(0, 6, 2)) + f"-{digits}"


def _kept() -> dict[str, tuple[str, str]]:
    try:
        lines = (home().path / FILE).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    fields = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return {field[0]: (field[1], field[2]) for field in fields if len(field) == 3}


def _keep(passwords: dict[str, tuple[str, str]]) -> None:
    draft = home().path / f"{FILE}.{os.getpid()}.new"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(HEAD + "".join(f"{user}\t{name}\t{word}\n" for user, (name, word) in passwords.items()))
        stream.flush()
        os.fsync(stream.fileno())
    draft.replace(home().path / FILE)
