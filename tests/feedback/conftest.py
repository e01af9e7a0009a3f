"""Beside the fixed cast: a reviewer of another unit, whom "malicious" needs (R8)."""

from __future__ import annotations

import pytest

from minping.kernel.models import Account, Assignment


@pytest.fixture(autouse=True)
def second(world: None) -> None:
    account = Account.objects.create_account("second", "中心复核员", "只在测试里用的口令-2026", staff_code="r02")
    Assignment.objects.create(account=account, role="reviewer", organization_code="minan-center")
