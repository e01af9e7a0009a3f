"""Batches of defaults made side by side: each silence ends once, and all of it verifies."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection

from minping.evaluate.models import DefaultOutcome, Service
from minping.evaluate.services import default, defaults_round
from minping.kernel import journal
from minping.upstream.models import OutboxMessage
from tests.support.world import FRIDAY, receive, service_row


# Committed rows are seen by the other connections; SQLite has one writer, and the job makes one batch at a time there.
@pytest.mark.django_db(transaction=connection.vendor == "postgresql")
@pytest.mark.usefixtures("world")
def test_batches_made_at_once_make_each_default_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(default, "BATCH", 5)
    monkeypatch.setattr(default.defaults_make, "__kwdefaults__", {"most": 5})
    receive(*(service_row(f"L-{n}") for n in range(23)))
    rounds = 1
    while defaults_round(at=FRIDAY + timedelta(days=9)):
        rounds += 1
    assert rounds > 1
    assert DefaultOutcome.objects.count() == Service.objects.filter(outcome="default").count() == 23
    assert OutboxMessage.objects.filter(kind="default").count() == 23
    assert journal.verify().clean
