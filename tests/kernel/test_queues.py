"""The work list pages by key, through an index, and counts no further than a badge shows."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from minping.feedback import view as cases
from minping.feedback.models import Case
from minping.kernel import queues, work
from minping.kernel.due import STOPPED
from minping.kernel.errors import NotFound
from minping.rectify import view as orders
from minping.rectify.models import Order
from tests.support.world import FRIDAY, Story, rate, receive, service_row

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]
CENTER = work.Scope(("minan", "minan-center"), ())


def verifying(scope: work.Scope = CENTER) -> queues.Queue:
    return queues.Queue("verify", partial(cases.queue, "verify"), scope)


def negatives(count: int) -> list[Case]:
    for service in receive(*(service_row(f"Q-{n}") for n in range(count))):
        rate(service, 2)
    return list(Case.objects.order_by("id"))


def pages(*asked: queues.Queue, most: int) -> list[list[queues.Key]]:
    """Page after page, each behind the last line of the one before, its key read from an address."""
    found: list[list[queues.Key]] = []
    after = None
    while page := queues.first(asked, most=most, after=after):
        found.append(page)
        after = queues.key_of(str(page[-1]))
    return found


def test_lines_due_at_the_same_instant_are_each_on_one_page() -> None:
    made = negatives(7)
    assert len({case.due_at for case in made}) == 1
    found = pages(verifying(), most=3)
    assert [len(page) for page in found] == [3, 3, 1]
    assert [key.id for page in found for key in page] == [case.pk for case in made]


def test_lines_without_a_running_clock_come_last_and_are_paged_too() -> None:
    made = negatives(5)
    stopped = [case.pk for case in made[:3]]
    Case.objects.filter(pk__in=stopped).update(**STOPPED)
    found = pages(verifying(), most=2)
    assert [key.id for page in found for key in page] == [made[3].pk, made[4].pk, *stopped]


def test_cases_and_orders_are_merged_by_the_time_left() -> None:
    order = Story().confirmed()
    (case, *_) = negatives(2)[1:]
    Case.objects.filter(pk=case.pk).update(due_at=FRIDAY)
    waiting = queues.Queue("rectify", partial(orders.queue, "rectify"), CENTER)
    found = [(key.queue, key.id) for page in pages(verifying(), waiting, most=1) for key in page]
    assert found[0] == ("verify", case.pk)
    assert ("rectify", order.pk) in found
    assert len(found) == 3


def test_the_newest_closed_case_comes_first() -> None:
    made = negatives(4)
    for hours, case in enumerate(made):
        Case.objects.filter(pk=case.pk).update(state="closed", closed_at=FRIDAY.replace(hour=hours // 2))
    done = queues.Queue("done", cases.closed, CENTER, "closed_at", newest_first=True)
    found = [key.id for page in pages(done, most=1) for key in page]
    assert found == [made[2].pk, made[3].pk, made[0].pk, made[1].pk]


def test_a_window_sees_its_own_lines_alone() -> None:
    negatives(2)
    assert len(queues.first([verifying(work.Scope((), (("minan-center", "03"),)))], most=9)) == 2
    assert queues.first([verifying(work.Scope((), (("minan-center", "05"),)))], most=9) == []
    assert queues.first([verifying(work.Scope((), ()))], most=9) == []


def test_a_scope_too_wide_for_one_statement_finds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    negatives(3)
    narrow = pages(verifying(), most=2), queues.counts([verifying()], cap=9, until=FRIDAY)
    monkeypatch.setattr(queues, "MOST_PLACES", 1)
    assert (pages(verifying(), most=2), queues.counts([verifying()], cap=9, until=FRIDAY)) == narrow


def test_many_queues_over_as_many_places_as_one_statement_takes() -> None:
    made = negatives(2)
    wide = work.Scope(("minan", "minan-center", *(f"unit-{n}" for n in range(queues.MOST_PLACES - 2))), ())
    asked = [verifying(wide)] * 8
    assert {key.id for key in queues.first(asked, most=20)} == {case.pk for case in made}
    assert queues.counts(asked, cap=9, until=FRIDAY) == [(2, 0)] * 8
    due = made[0].due_at
    assert due is not None
    assert sum(n for _, n in queues.days(asked, since=FRIDAY, until=due)) == 16


def test_counts_end_at_the_cap_and_know_the_late_ones() -> None:
    made = negatives(4)
    Case.objects.filter(pk=made[0].pk).update(due_at=FRIDAY)
    nobody = verifying(work.Scope((), ()))
    assert queues.counts([verifying(), nobody], cap=9, until=FRIDAY) == [(4, 1), (0, 0)]
    assert queues.counts([verifying()], cap=3, until=FRIDAY) == [(3, 1)]


def test_views_asked_together_say_what_each_says_alone() -> None:
    """Views that differ in a state alone are one part of the statement: none may read another's lines."""
    made = negatives(6)
    for case, state in zip(
        made, ("verifying", "appealed", "appealed", "malicious", "proposed", "verifying"), strict=True
    ):
        Case.objects.filter(pk=case.pk).update(state=state)
    Story("Q-order").confirmed()
    window = work.Scope((), (("minan-center", made[0].window_code), ("minan", "99")))
    asked = [
        queues.Queue(view, partial(source.queue, view), scope)
        for scope in (CENTER, window)
        for source, views in (
            (cases, ("verify", "review", "second", "approve", "appeal")),
            (orders, ("rectify", "follow")),
        )
        for view in views
    ]
    alone = [queues.counts([queue], cap=9, until=FRIDAY)[0] for queue in asked]
    assert queues.counts(asked, cap=9, until=FRIDAY) == alone
    assert [n for n, _ in alone[:6]] == [2, 2, 1, 1, 2, 1]
    together = [(key.queue, key.id) for key in queues.first(asked, most=50)]
    assert sorted(together) == sorted((q.name, key.id) for q in asked for key in queues.first([q], most=50))


def test_what_stands_where_is_counted_by_unit_and_state() -> None:
    made = negatives(5)
    due = made[0].due_at
    for case, state, unit, past in zip(
        made, ("verifying", "verifying", "appealed", "verifying", "appealed"),
        ("minan", "minan", "minan", "minan-center", "minan-center"), (True, False, True, False, False), strict=True,
    ):  # fmt: skip
        where = {"organization_code": unit, "seat_code": unit}
        Case.objects.filter(pk=case.pk).update(state=state, due_at=FRIDAY if past else due, **where)
    Case.objects.filter(pk=made[1].pk).update(**STOPPED)

    def open_in(scope: work.Scope) -> Any:
        return scope.filter(Case.objects.filter(state__in=("verifying", "appealed")), "seat_code")

    asked = queues.Queue("standing", open_in, CENTER, groups=("seat_code", "state"))
    assert sorted(queues.standing([asked], now=FRIDAY)) == [
        ("standing", ("minan", "appealed"), 1, 1, FRIDAY),
        ("standing", ("minan", "verifying"), 2, 1, FRIDAY),  # of one no clock runs: it is open and not late
        ("standing", ("minan-center", "appealed"), 1, 0, None),
        ("standing", ("minan-center", "verifying"), 1, 0, None),
    ]
    assert queues.standing([], now=FRIDAY) == []


def test_an_address_that_is_no_key_is_no_page() -> None:
    for text in ("x", "2026-11-20T08:00:00+00:00", "none~x", "~"):
        with pytest.raises(NotFound):
            queues.key_of(text)


def plan(context: CaptureQueriesContext) -> str:
    (asked,) = context.captured_queries
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            # Of a table of three rows PostgreSQL may take any way, and rightly: the question is whether this one is open.
            for other in ("seqscan", "bitmapscan", "sort"):
                cursor.execute(f"SET LOCAL enable_{other} = off")
        cursor.execute(f"{'EXPLAIN' if connection.vendor == 'postgresql' else 'EXPLAIN QUERY PLAN'} {asked['sql']}")
        return "\n".join(str(row[-1]) for row in cursor.fetchall())


@pytest.mark.parametrize("asked", ["first", "counts"])
def test_a_queue_is_read_from_its_index_and_never_sorted(asked: str) -> None:
    negatives(3)
    waiting = [verifying(), queues.Queue("rectify", partial(orders.queue, "rectify"), CENTER)]
    questions: dict[str, Any] = {
        "first": lambda: queues.first(waiting, most=50, until=FRIDAY),
        "counts": lambda: queues.counts(waiting, cap=99, until=FRIDAY),
    }
    with CaptureQueriesContext(connection) as context:
        questions[asked]()
    told = plan(context)
    for table, index in ((Case, "case_seat"), (Order, "order_queue")):
        name = table._meta.db_table
        # Which of its indexes counts so few rows, PostgreSQL may choose; the order of the list it may not.
        assert index in told or (asked == "counts" and connection.vendor == "postgresql")
        if connection.vendor == "sqlite":  # without a look at the table for each line
            assert f"USING INDEX {index}" not in told
        assert not any(line.strip().startswith((f"SCAN {name}", f"Seq Scan on {name}")) for line in told.splitlines())
