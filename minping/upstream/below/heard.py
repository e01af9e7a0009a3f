"""The row of a subordinate, kept by whoever hears from it."""

from __future__ import annotations

from datetime import datetime

from minping.upstream.models import Subordinate


def subordinate_heard(code: str, *, at: datetime) -> None:
    """Note that a subordinate spoke to us."""
    if not Subordinate.objects.filter(pk=code).update(heard_at=at):
        Subordinate.objects.get_or_create(organization_code=code, defaults={"heard_at": at})
