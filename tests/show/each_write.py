"""kill -9 at every statement of every step: the case is wholly as before or wholly as after, and the record is clean.

`python -m tests.show.each_write [STEP…]` works in an installation of its own (MINPING_HOME, MINPING_DATABASE).  A child
process makes the step and is killed before its n-th statement, for every n, and before and after its one commit.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import django

django.setup()

from django.core.management import call_command  # noqa: E402
from django.db import connection, connections  # noqa: E402

from minping.evaluate.models import Rating  # noqa: E402
from minping.feedback import decisions  # noqa: E402
from minping.feedback import services as feedback  # noqa: E402
from minping.feedback.models import CallBack, Case, CaseDocument, Revocation  # noqa: E402
from minping.kernel import journal  # noqa: E402
from minping.kernel.documents import Upload  # noqa: E402
from minping.kernel.models import Account, Assignment, JournalEntry  # noqa: E402
from minping.rectify import services as rectify  # noqa: E402
from minping.rectify.models import CaseText, Evidence, Order  # noqa: E402
from minping.site import marks  # noqa: E402
from minping.upstream.models import OutboxMessage  # noqa: E402
from tests.support.world import Story, actor, registry_world  # noqa: E402

TABLES = (Case, CallBack, CaseDocument, Revocation, Order, Evidence, CaseText, OutboxMessage, JournalEntry, Rating)
PDF = [Upload("说明.pdf", b"%PDF-1.4 test")]
WHY = {"statement": "评价人在电话里说点错了，本意是满意。", "document": "3号", "reason": "理由。", "reference": "17号"}


def decide(story: Story, verb: str, who: str) -> Callable[[], Any]:
    case, by, at = story.service.cases.get(), actor(who, story.at), story.later()
    return lambda: decisions.case_decide(
        case_id=case.pk, verb=verb, said=WHY, by=by, at=at, uploads=PDF if verb in ("appeal", "mistaken") else ()
    )


def confirm(story: Story) -> Callable[[], Any]:
    case, by, at = story.called(), actor("reviewer", story.at), story.later()
    return lambda: feedback.case_confirm(case_id=case.pk, note="", by=by, at=at)


def appeal(story: Story) -> Callable[[], Any]:
    story.confirmed()  # so that the rectification is suspended, too
    return decide(story, "appeal", "window3")


def propose(story: Story) -> Callable[[], Any]:
    story.called()
    return decide(story, "mistaken", "reviewer")


def approve(story: Story) -> Callable[[], Any]:
    propose(story)()
    return decide(story, "approve", "head")


def revoke(story: Story) -> Callable[[], Any]:
    approve(story)()
    return decide(story, "revoke", "second")


def report(story: Story) -> Callable[[], Any]:
    order, by, at = story.confirmed(), actor("unit", story.at), story.later()
    return lambda: rectify.order_report(order_id=order.pk, measures="已改。", uploads=PDF, by=by, at=at)


def accept(story: Story) -> Callable[[], Any]:
    order, by, at = story.reported(), actor("head", story.at), story.later()
    return lambda: rectify.order_accept(order_id=order.pk, by=by, at=at)


def transfer(story: Story) -> Callable[[], Any]:
    order, by, at = story.confirmed(), actor("head", story.at), story.later()
    return lambda: rectify.order_transfer(
        order_id=order.pk, organization_code="minan-agent-01", reason="是代办点收的。", by=by, at=at
    )


def not_solved(story: Story) -> Callable[[], Any]:
    order, by, at = story.accepted(), actor("reviewer", story.at), story.later()
    return lambda: rectify.follow_up_record(
        order_id=order.pk, outcome="answered", answer="unsolved", words="还是一样。", recording_no="", by=by, at=at
    )


def solved(story: Story) -> Callable[[], Any]:
    order, by, at = story.accepted(), actor("reviewer", story.at), story.later()
    return lambda: rectify.follow_up_record(
        order_id=order.pk, outcome="answered", answer="solved", words="可以了。", recording_no="", by=by, at=at
    )


def mark(story: Story) -> Callable[[], Any]:
    case, by, at = story.negative(), actor("reviewer", story.at), story.later()
    return lambda: marks.mark_set(case_id=case.pk, word="等材料", by=by, at=at)


STEPS = (confirm, appeal, propose, approve, revoke, report, accept, transfer, not_solved, solved, mark)


def standing() -> list[list[tuple[Any, ...]]]:
    """Everything that a step may write, as it stands in the database."""
    return [list(model._default_manager.order_by("pk").values_list()) for model in TABLES]


def child(step: Callable[[], Any], *, before: int = 0, at_commit: str = "", tell: int = 0) -> int:
    """Make the step in a process of its own and say how it ended.

    It is killed before its statement number `before`, or `at_commit` before or after that; the number of statements
    that it made until the commit goes to the file `tell`.
    """
    connections.close_all()
    pid = os.fork()
    if pid == 0:
        count = 0

        def counted(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
            nonlocal count
            count += 1
            if count == before:
                os.kill(os.getpid(), signal.SIGKILL)
            return execute(sql, params, many, context)

        committed = connection._commit

        def commit() -> None:
            if tell:
                os.write(tell, f"{count}\n".encode())
            if at_commit == "before":
                os.kill(os.getpid(), signal.SIGKILL)
            committed()
            if at_commit == "after":
                os.kill(os.getpid(), signal.SIGKILL)

        connection._commit = commit  # type: ignore[method-assign]
        try:
            with connection.execute_wrapper(counted):
                step()
        except BaseException:
            os._exit(2)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def statements(step: Callable[[], Any]) -> int:
    """How many statements a step makes before its one commit."""
    reader, writer = os.pipe()
    assert child(step, at_commit="before", tell=writer) == -signal.SIGKILL
    os.close(writer)
    with os.fdopen(reader) as told:
        return int(told.read())


def kill(make: Callable[[Story], Any], case_no: str) -> int:
    """Kill one step at each of its writes; how often.  AssertionError where a case was left half done."""
    step = make(Story(case_no))
    before = standing()
    count = statements(step)
    assert count > 4, count
    assert standing() == before  # the last moment: all is written and nothing is committed
    for number in range(1, count + 1):
        assert child(step, before=number) == -signal.SIGKILL, number
        assert standing() == before, number
    assert child(step, at_commit="after") == -signal.SIGKILL  # the answer was lost, the step was not
    after = standing()
    assert after != before
    while journal.seal():
        pass
    assert journal.verify().clean
    if make is not mark:  # a mark is set anew; a step asked for again is refused and leaves nothing
        lengths = [len(rows) for rows in standing()]
        assert child(step) == 2
        assert [len(rows) for rows in standing()] == lengths
    return count + 2


def main() -> int:
    call_command("migrate", verbosity=0)
    registry_world()
    account = Account.objects.create_account("second", "中心复核员", "只在测试里用的口令-2026", staff_code="r02")
    Assignment.objects.create(account=account, role="reviewer", organization_code="minan-center")
    total = 0
    chosen = [make for make in STEPS if make.__name__ in sys.argv[1:] or not sys.argv[1:]]
    for number, make in enumerate(chosen):
        killed = kill(make, f"KILL-{number:02d}")
        total += killed
        print(f"{make.__name__} {killed}", flush=True)
    print(f"{len(chosen)} 步 {total} 次")
    return 0


if __name__ == "__main__":
    sys.exit(main())
