"""The two doors of a terminal: the slip in the hand, or the case number with the phone on the record (R12).

Both are tried a few times only.  A wrong case number and a case of someone else are
answered with the same words, and either costs a code that went to the asker's own phone:
case numbers, which run in sequence, tell nothing here.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext_noop

from minping import law
from minping.evaluate import tokens
from minping.evaluate.channels.sms.services import phone_code_check
from minping.evaluate.channels.terminal.models import Attempt
from minping.evaluate.models import Service
from minping.kernel import ids, privacy
from minping.kernel.errors import Problem

SHOWN = 9  # services of one case offered at once, the latest first


class SlipUnknown(Problem):
    code = "slip_unknown"
    status = 404
    message = gettext_noop("没有找到这个凭条码。")
    cure = gettext_noop("请核对凭条上的 16 位数字，或者扫凭条上的二维码。")


class CaseUnknown(Problem):
    code = "case_and_phone_unmatched"
    status = 404
    message = gettext_noop("办件编号和手机号对不上。")
    cure = gettext_noop("请核对办件编号，并用办事时登记的手机号重新获取验证码。")


class TerminalPaused(Problem):
    code = "terminal_paused"
    status = 429
    message = gettext_noop("错的次数太多，先停 {minutes} 分钟。")
    cure = gettext_noop("请稍后再试，或到窗口请工作人员帮您核对编号；也可以用短信里的评价链接。")


def plain(typed: str) -> str:
    """What was meant: full-width signs as half-width ones, nothing at the ends."""
    return unicodedata.normalize("NFKC", typed).strip()


@contextmanager
def _few_tries(address: str, at: datetime) -> Iterator[None]:
    """Count a try from `address` unless it succeeds.  Raises TerminalPaused before anything is looked up.

    Counted first and asked afterwards, so that many at once are many.  A try during the
    pause is not counted: nobody keeps a terminal closed by going on.
    """
    rules = law.at(settings.MINPING_AREA, at.astimezone(law.BEIJING).date())
    pause, most = rules.limit("terminal_pause"), int(rules.value("terminal_tries").value)
    since, origin = at - timedelta(minutes=pause.value), privacy.index("address", address)
    Attempt.objects.filter(at__lte=since).delete()
    mine = Attempt.objects.create(id=ids.uuid7(at), address=origin, at=at)
    if Attempt.objects.filter(address=origin, at__gt=since).count() > most:
        mine.delete()
        raise TerminalPaused(minutes=pause.value)
    yield
    mine.delete()


def slip_open(*, code: str, address: str, at: datetime) -> Service:
    """The service of the code on a slip: typed, or scanned as the link.  Raises SlipUnknown, TerminalPaused."""
    with _few_tries(address, at):
        found = _by_slip(plain(code), at)
        if found is None:
            raise SlipUnknown(field="code")
    return found


def _by_slip(code: str, at: datetime) -> Service | None:
    scanned = re.search(r"(?:^|/r/)([0-9A-Za-z]{24})$", code)
    if scanned:
        return Service.objects.filter(token=tokens.stored(scanned[1])).first()
    digits = re.sub(r"\D", "", code)
    if len(digits) != tokens.SLIP_DIGITS:
        return None
    start = tokens.slip_minute(digits, at)
    these = Service.objects.filter(
        pk__gte=ids.uuid7_floor(start), pk__lt=ids.uuid7_floor(start + timedelta(minutes=1))
    ).values_list("pk", flat=True)  # fmt: skip
    for pk in these:
        if tokens.same(digits, tokens.slip_code(pk)):
            return Service.objects.get(pk=pk)
    return None


def case_open(*, case_no: str, identifier: UUID, code: str, address: str, at: datetime) -> list[Service]:
    """The services of a case, the latest first, for whoever holds the phone on its record.

    Raises CodeWrong, CodeOver, CaseUnknown, TerminalPaused.
    """
    with _few_tries(address, at):
        phone = phone_code_check(identifier=identifier, code=plain(code), purpose="terminal", at=at)
        found = list(
            Service.objects.filter(case_no=plain(case_no), applicant__phone_index=phone).order_by("-served_at", "-pk")[
                :SHOWN
            ]
        )
        if not found:
            raise CaseUnknown(field="case_no")
    return found
