"""The journal proves the records: what SQL changes behind its back is named."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from minping.evaluate.models import DefaultOutcome, Rating, Service
from minping.evaluate.services import defaults_make
from minping.kernel import journal
from minping.kernel.home import home
from minping.kernel.models import JournalEntry
from tests.support.world import Story, rate, receive, service_row

pytestmark = pytest.mark.django_db


@pytest.fixture
def record(world: None) -> None:
    """A service rated, one defaulted, one negative case rectified; all sealed."""
    Story().followed()
    silent, other = receive(service_row("C-2"), service_row("C-3"))
    rate(other, 5)
    defaults_make(at=silent.served_at + timedelta(days=9))
    while journal.seal():
        pass


def sql(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def test_an_untouched_record_verifies(record: None) -> None:
    result = journal.verify()
    assert result.findings == ()
    assert result.entries == JournalEntry.objects.count() > 8
    assert result.records > 8


def test_one_byte_changed_in_a_rating_is_named(record: None) -> None:
    rating = Rating.objects.get(ordinal=1, level=2)
    Rating.objects.filter(pk=rating.pk).update(text=rating.text.replace("两", "三"))
    (finding,) = journal.verify().findings
    assert finding.kind == "altered"
    assert str(rating.pk) in finding.where


def test_a_default_turned_into_another_level_is_named(record: None) -> None:
    default = DefaultOutcome.objects.get()
    DefaultOutcome.objects.update(level=5)
    assert [f.where for f in journal.verify().findings] == [f"evaluate.defaultoutcome {default.pk}"]


def test_a_rating_slipped_in_by_sql_is_named(record: None) -> None:
    rating = Rating.objects.get(level=5)
    rating.pk, rating.ordinal, rating.receipt = Service.objects.first().pk, 9, b"0" * 16  # type: ignore[union-attr]
    rating.save(force_insert=True)
    assert "inserted" in [finding.kind for finding in journal.verify().findings]


def test_a_rating_deleted_by_sql_is_named(record: None) -> None:
    rating = Rating.objects.get(level=5)
    sql(f"DELETE FROM evaluate_rating WHERE id = '{rating.pk.hex if connection.vendor == 'sqlite' else rating.pk}'")
    (finding,) = journal.verify().findings
    assert (finding.kind, finding.where) == ("removed", str(rating.pk))


def test_the_database_itself_refuses_to_change_or_delete_a_journal_row(record: None) -> None:
    for statement in ("UPDATE kernel_journalentry SET actor = 'x'", "DELETE FROM kernel_journalentry"):
        with pytest.raises(DatabaseError), transaction.atomic():
            sql(statement)


def without_triggers() -> None:
    """What someone who owns the database could do."""
    if connection.vendor == "sqlite":
        sql("DROP TRIGGER journal_no_change")
        sql("DROP TRIGGER journal_no_delete")
    else:
        sql("DROP TRIGGER journal_append_only ON kernel_journalentry")


def test_a_changed_journal_row_is_named_even_when_the_triggers_were_dropped(record: None) -> None:
    without_triggers()
    JournalEntry.objects.filter(seq=3).update(actor="account:somebody")
    findings = journal.verify().findings
    assert (findings[0].kind, findings[0].where) == ("altered", "journal 3")


def test_a_removed_journal_row_is_named(record: None) -> None:
    without_triggers()
    JournalEntry.objects.filter(seq=2).delete()
    findings = journal.verify().findings
    assert (findings[0].kind, findings[0].where) == ("removed", "journal 2")


def test_a_tail_cut_off_shows_by_the_head_kept_outside(record: None) -> None:
    without_triggers()
    last = JournalEntry.objects.order_by("-seq").first()
    assert last is not None and last.seq is not None
    JournalEntry.objects.filter(seq=last.seq).delete()
    assert any(f.where == f"journal {last.seq}" for f in journal.verify().findings)


def test_a_chain_rewritten_without_the_key_shows(record: None) -> None:
    without_triggers()
    JournalEntry.objects.filter(seq=1).update(chain=b"1" * 32)
    assert not journal.verify().clean


def test_records_not_yet_sealed_are_covered_too(world: None) -> None:
    rating = rate(receive()[0], 5)
    assert journal.verify().clean
    Rating.objects.filter(pk=rating.pk).update(level=4)
    assert [f.kind for f in journal.verify().findings] == ["altered"]


def test_sealing_links_each_row_once_and_in_order(world: None) -> None:
    for number in range(5):
        receive(service_row(f"S-{number}"))
    assert journal.seal(limit=2) == 2
    assert journal.seal(limit=100) == JournalEntry.objects.count() - 2
    assert journal.seal() == 0
    assert list(JournalEntry.objects.order_by("seq").values_list("seq", flat=True)) == list(
        range(1, JournalEntry.objects.count() + 1)
    )
    assert len(home().heads.read_text().splitlines()) == 2


def test_fields_of_a_later_version_leave_old_records_proven_and_are_themselves_covered(record: None) -> None:
    before = journal.leaf(Rating.objects.order_by("id")[0])
    rating = Rating.objects.order_by("id")[0]
    bare = {name: value for name, value in Rating.JOURNALLED_LATER.items() if getattr(rating, name) != value}
    assert bare == {}, "a plain press says nothing in the later fields"
    sql(f"UPDATE evaluate_rating SET entry = 'operator' WHERE id = '{_key(rating)}'")
    assert journal.leaf(Rating.objects.get(pk=rating.pk)) != before
    assert [finding.kind for finding in journal.verify().findings] == ["altered"]


def _key(rating: Rating) -> str:
    return str(rating.pk) if connection.vendor == "postgresql" else rating.pk.hex
