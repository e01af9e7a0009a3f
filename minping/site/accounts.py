"""Duties about accounts: make, change, give and take roles, reset and change passwords, sign in and out.

Two rules stand above the permissions.  Nobody manages their own account: so nobody
gives themselves a role, and the last manager cannot lock the office out.  And an
account is managed only by someone whose scope holds every role that it has, or the
password of a head would lie open to the manager of a window.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from axes.helpers import get_cool_off
from axes.models import AccessAttempt
from axes.utils import reset as lock_reset
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet, Sum

from minping import law
from minping.kernel import clock, journal
from minping.kernel.access import Actor
from minping.kernel.errors import Forbidden, Invalid, NotFound, Problem
from minping.kernel.models import Account, Assignment
from minping.registry import queries as registry

ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"  # without what reads alike: i l o 0 1
USERNAME = re.compile(r"[a-z0-9][a-z0-9._-]{1,39}")


class OwnAccount(Problem):
    code = "own_account"
    status = 403
    message = "自己的角色、工号、启用和初始密码不能由自己改。"
    cure = "请由另一位管理员办理；自己的密码在“改密码”里改。"


class UsernameTaken(Invalid):
    code = "username_taken"
    status = 409
    message = "账号“{username}”已经有了。"
    cure = "请换一个。"


class OutOfScope(Forbidden):
    code = "out_of_scope"
    message = "这超出您的管理范围。"
    cure = "请由上一级的管理员办理。"


# --- reading -----------------------------------------------------------------------------------


def accounts_of(by: Actor, permission: str = "account.read") -> QuerySet[Account]:
    """The accounts within the actor's scope; those without any role belong to the office's own managers."""
    roles = Assignment.objects.filter(account=OuterRef("pk"))
    seen = Q(Exists(roles.filter(organization_code__in=registry.directory().within(by.scopes(permission)))))
    office = registry.directory().office(settings.MINPING_AREA)
    if office is not None and by.can(permission, office.path):
        seen |= ~Q(Exists(roles))
    return Account.objects.filter(seen)


def account_get(*, account_id: UUID, by: Actor) -> Account:
    """An account the actor may see.  Raises NotFound."""
    account = accounts_of(by).prefetch_related("assignments").filter(pk=account_id).first()
    if account is None:
        raise NotFound("没有这个账号。", cure="也可能不在您的范围内。")
    return account


def manages(by: Actor, account: Account) -> bool:
    """Whether every role of the account lies within the actor's scope of management."""
    if not by.may("account.manage"):
        return False
    places = registry.directory().places
    return all(
        (where := places.get(role.organization_code)) is not None
        and by.can("account.manage", where.path, role.window_code)
        for role in account.assignments.all()
    )


def _managed(account_id: UUID, by: Actor, *, own: bool = False) -> Account:
    account = account_get(account_id=account_id, by=by)
    if not manages(by, account):
        raise OutOfScope()
    if account.pk == by.account_id and not own:
        raise OwnAccount()
    return account


def _home_of(account: Account) -> str:
    """The organisation under which the account's journal rows stand: that of its first role."""
    codes = sorted((str(role.pk), role.organization_code) for role in account.assignments.all())
    return codes[0][1] if codes else ""


def _write(action: str, account: Account, by: str, at: datetime, **facts: Any) -> None:
    journal.write(
        action, at=at, actor=by, organization_code=facts.pop("organization_code", None) or _home_of(account),
        subject=account.pk, username=account.username, **facts,
    )  # fmt: skip


# --- making and changing -----------------------------------------------------------------------


def first_password() -> str:
    """A random password to hand over once: 60 bits, in groups that can be read aloud."""
    return "-".join("".join(secrets.choice(ALPHABET) for _ in range(4)) for _ in range(3))


def account_create(
    *,
    username: str,
    name: str,
    staff_code: str = "",
    role: str,
    organization_code: str,
    window_code: str = "",
    by: Actor,
    at: datetime,
) -> tuple[Account, str]:
    """Make an account with its first role, and the password that is shown this once.

    Raises Invalid, UsernameTaken, OutOfScope.
    """
    username, name = username.strip(), name.strip()
    if not USERNAME.fullmatch(username):
        raise Invalid("账号写得不对。", cure="用小写字母、数字、点和短横，2 到 40 个字符。", field="username")
    if not name:
        raise Invalid("还没有写名称。", cure="请写显示的名称，如“窗口一号”。", field="name")
    _check_staff_code(staff_code)
    password = first_password()
    try:
        with transaction.atomic():
            account = Account.objects.create_account(
                username, name, password, staff_code=staff_code.strip(), must_change_password=True
            )
            _write("account.created", account, by.name, at, organization_code=organization_code, staff_code=staff_code)
            _assign(account, role, organization_code, window_code, by, at)
    except IntegrityError as failure:
        raise UsernameTaken(username=username, field="username") from failure
    return account, password


def _check_staff_code(code: str) -> None:
    """The number must be one of the registry: conflicts of interest are found by it (R8)."""
    if code.strip() and all(known != code.strip() for _, known in registry.directory().staff):
        raise Invalid("登记簿里没有这个工号。", cure="请先在登记簿登记人员，或者留空。", field="staff_code")


def account_change(*, account_id: UUID, name: str, staff_code: str, active: bool, by: Actor, at: datetime) -> Account:
    """Change what an account is called, whose it is and whether it may sign in.

    Raises NotFound, OutOfScope, OwnAccount, Invalid.
    """
    account = _managed(account_id, by, own=True)
    name, staff_code = name.strip(), staff_code.strip()
    if not name:
        raise Invalid("还没有写名称。", cure="请写显示的名称，如“窗口一号”。", field="name")
    if account.pk == by.account_id and (staff_code, active) != (account.staff_code, account.is_active):
        raise OwnAccount()
    if staff_code != account.staff_code:
        _check_staff_code(staff_code)
    wanted = {"name": name, "staff_code": staff_code, "is_active": active}
    changed = {field: value for field, value in wanted.items() if getattr(account, field) != value}
    if not changed:
        return account
    facts = {field: value for field, value in changed.items() if field != "name"}
    with transaction.atomic():
        Account.objects.filter(pk=account.pk).update(**changed)
        _write("account.changed", account, by.name, at, changed=sorted(changed), **facts)
    for field, value in changed.items():
        setattr(account, field, value)
    return account


def password_reset(*, account_id: UUID, by: Actor, at: datetime) -> str:
    """A fresh first password, shown this once; open sessions end and a lock is lifted.

    Raises NotFound, OutOfScope, OwnAccount.
    """
    account = _managed(account_id, by)
    password = first_password()
    account.set_password(password)
    account.must_change_password = True
    account.password_changed_at = at
    with transaction.atomic():
        account.save(update_fields=["password", "must_change_password", "password_changed_at"])
        lock_reset(username=account.username)
        _write("account.password_reset", account, by.name, at)
    return password


# --- roles -------------------------------------------------------------------------------------


def assignment_add(
    *, account_id: UUID, role: str, organization_code: str, window_code: str = "", by: Actor, at: datetime
) -> None:
    """Give a role at an organisation, or at one window of it.

    Raises NotFound, OutOfScope, OwnAccount, Invalid.
    """
    account = _managed(account_id, by)
    with transaction.atomic():
        _assign(account, role, organization_code, window_code, by, at)


def _assign(account: Account, role: str, organization_code: str, window_code: str, by: Actor, at: datetime) -> None:
    directory = registry.directory()
    place = directory.places.get(organization_code)
    if place is None or not place.live:
        raise Invalid("没有这个机构，或已停用。", cure="请从列表里选。", field="organization")
    if window_code and (organization_code, window_code) not in directory.windows:
        raise Invalid("这个机构没有这个窗口。", cure="请核对窗口属于哪个机构。", field="window")
    if role not in law.at(place.area_code, clock.beijing(at).date()).roles:
        raise Invalid("没有这个角色。", cure="请从列表里选。", field="role")
    if not by.can("account.manage", place.path, window_code):
        raise OutOfScope(field="organization")
    _, made = Assignment.objects.get_or_create(
        account=account, role=role, organization_code=organization_code, window_code=window_code
    )
    if not made:
        raise Invalid("这个账号已经有这个角色。", cure="", field="role")
    _write("role.given", account, by.name, at, organization_code=organization_code, role=role, window=window_code)


def assignment_remove(*, account_id: UUID, assignment_id: UUID, by: Actor, at: datetime) -> None:
    """Take a role back.  Raises NotFound, OutOfScope, OwnAccount."""
    account = _managed(account_id, by)
    with transaction.atomic():
        found = Assignment.objects.filter(pk=assignment_id, account=account).first()
        if found is None:
            raise NotFound("这个角色已经不在了。", cure="请刷新页面。")
        found.delete()
        _write(
            "role.taken", account, by.name, at, organization_code=found.organization_code, role=found.role,
            window=found.window_code,
        )  # fmt: skip


# --- the person's own acts ---------------------------------------------------------------------


def password_change(*, account: Account, password: str, at: datetime) -> None:
    """The person's own new password (already found strong enough by the form)."""
    account.set_password(password)
    account.must_change_password = False
    account.password_changed_at = at
    with transaction.atomic():
        account.save(update_fields=["password", "must_change_password", "password_changed_at"])
        _write("password.changed", account, f"account:{account.username}", at)


def signed_in(*, account: Account, at: datetime) -> None:
    """Put a sign-in on record."""
    with transaction.atomic():
        Account.objects.filter(pk=account.pk).update(last_login=at)
        _write("signin.done", account, f"account:{account.username}", at)


def signed_out(*, account: Account, at: datetime) -> None:
    """Put a sign-out on record."""
    _write("signout.done", account, f"account:{account.username}", at)


def sign_in_refused(*, username: str, locked: bool, at: datetime) -> None:
    """Put a failed sign-in on record: the name only where there is such an account, the password never.

    Someone may type a password where the name belongs, so an unknown name is not kept.
    """
    account = Account.objects.prefetch_related("assignments").filter(username=username).first()
    if account is not None:
        _write("signin.failed", account, "anonymous", at, locked=locked)
    else:
        journal.write("signin.failed", at=at, actor="anonymous", locked=locked)


def locked_usernames(usernames: Iterable[str]) -> frozenset[str]:
    """Which of the accounts are locked at present for too many wrong passwords: one query."""
    # Real time, as the lock itself: a sandbox's shifted clock does not open it.
    since = datetime.fromtimestamp(clock.wall(), UTC) - (get_cool_off(None) or timedelta())
    rows = (
        AccessAttempt.objects.filter(username__in=list(usernames), attempt_time__gte=since)
        .order_by()
        .values_list("username")
        .annotate(failures=Sum("failures_since_start"))
    )
    return frozenset(name for name, failures in rows if name and failures >= settings.AXES_FAILURE_LIMIT)
