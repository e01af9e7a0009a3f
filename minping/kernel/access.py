"""Who may do what where: deny by default, permissions as data, scope by organisation.

A *grant* is a set of permissions within an organisation and all below it (its path
is a prefix), or at one window.  Roles and their permissions stand in the law folder;
this module only answers questions.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from minping.kernel import journal, privacy
from minping.kernel.errors import Forbidden, Problem
from minping.kernel.models import ApiKey

KEY_PERMISSIONS = {
    "services:write": "报送服务（含读取）",
    "services:read": "查询服务",
    "devices:write": "报送装置按键",
    "invitations:read": "取得评价页地址",
    "ratings:write": "报来自己页面上收到的评价",
    "calls:write": "接入电话系统",
    "indicators:read": "查询指标",
    "superior:write": "下级向本级报送（密钥属于下级机构）",
    "tickets:hotline": "报送 12345 来件、取回答复",
    "tickets:window": "报送“办不成事”窗口的来件、取回答复",
}
IMPLIED = {"services:write": ("services:read",)}


@dataclass(frozen=True)
class Grant:
    permissions: frozenset[str]
    path: str
    window_code: str = ""

    def covers(self, permission: str, path: str, window_code: str) -> bool:
        return (
            permission in self.permissions
            and path.startswith(self.path)
            and (not self.window_code or self.window_code == window_code)
        )


@dataclass(frozen=True)
class Actor:
    """Whoever acts: a signed-in account, an API key, a rater behind a link, or the system itself."""

    name: str  # stable, for the journal: account:reviewer, key:…, rater, system
    label: str = ""
    grants: tuple[Grant, ...] = ()
    account_id: UUID | None = None
    staff_code: str = ""
    windows: frozenset[tuple[str, str]] = frozenset()  # (organisation, window) this person sits at

    def can(self, permission: str, path: str = "", window_code: str = "") -> bool:
        return any(grant.covers(permission, path, window_code) for grant in self.grants)

    def may(self, permission: str) -> bool:
        """Whether the permission is held anywhere at all (for showing an entry, never for an act)."""
        return any(permission in grant.permissions for grant in self.grants)

    def require(self, permission: str, path: str, window_code: str = "") -> None:
        if not self.can(permission, path, window_code):
            raise Forbidden()

    def scopes(self, permission: str) -> tuple[Grant, ...]:
        return tuple(grant for grant in self.grants if permission in grant.permissions)


SYSTEM = Actor("system", "系统")
RATER = Actor("rater", "评价人")


class UnknownPermission(Problem):
    code = "unknown_permission"
    message = "没有“{name}”这项权限。"
    cure = "可用的权限：" + "、".join(KEY_PERMISSIONS) + "。"


class KeyRefused(Problem):
    code = "unauthorized"
    status = 401
    message = "接口密钥缺失、不对或已停用。"
    cure = "请在请求头写 Authorization: Bearer <密钥>；密钥由管理员用 minping key create 生成。"


def key_create(*, organization_code: str, permissions: Iterable[str], label: str, by: Actor, at: datetime) -> str:
    """Make a key, store its digest, and return it: it is shown this once and never again."""
    wanted = sorted({name.strip() for name in permissions if name.strip()})
    for name in wanted or [""]:
        if name not in KEY_PERMISSIONS:
            raise UnknownPermission(name=name)
    secret = "mp_" + secrets.token_urlsafe(32)
    key = ApiKey.objects.create(
        label=label,
        digest=privacy.token_hash(secret),
        organization_code=organization_code,
        permissions=wanted,
        created_at=at,
    )
    journal.write(
        "key.created", at=at, actor=by.name, organization_code=organization_code, subject=key.pk,
        label=label, permissions=wanted,
    )  # fmt: skip
    return secret


def key_revoke(*, key_id: UUID, by: Actor, at: datetime) -> None:
    """Revoke a key for good."""
    if ApiKey.objects.filter(pk=key_id, revoked_at__isnull=True).update(revoked_at=at):
        journal.write("key.revoked", at=at, actor=by.name, subject=key_id)


def key_find(secret: str) -> ApiKey:
    """The live key behind a bearer secret.  Raises KeyRefused."""
    key = ApiKey.objects.filter(digest=privacy.token_hash(secret), revoked_at__isnull=True).first()
    if key is None:
        raise KeyRefused()
    return key


def implied(permissions: Iterable[str]) -> frozenset[str]:
    """The permissions with those that they imply."""
    names = set(permissions)
    for name in list(names):
        names.update(IMPLIED.get(name, ()))
    return frozenset(names)
