"""Beside the fixed cast: a leader of the centre itself, who is of the rated unit, and the discipline officer."""

from __future__ import annotations

import pytest

from minping.kernel.models import Account, Assignment


@pytest.fixture(autouse=True)
def inside(world: None) -> None:
    for username, name, staff, role, organization in (
        ("inside", "中心负责人", "h02", "head", "minan-center"),
        ("discipline", "纪检人员", "g01", "discipline", "minan"),
    ):
        account = Account.objects.create_account(username, name, "只在测试里用的口令-2026", staff_code=staff)
        Assignment.objects.create(account=account, role=role, organization_code=organization)
