"""Phone codes: that the person at a screen holds the phone on the record (R12).

Six digits, a few minutes, a few tries, a few codes an hour for a phone and for an
address.  Whether a number is known is never told: a code for an unknown one is "sent" too.
"""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils.translation import gettext_noop

from minping import law
from minping.evaluate import tokens
from minping.evaluate.channels.sms.models import PhoneCode, Text
from minping.evaluate.channels.sms.states import Purpose
from minping.evaluate.models import Applicant
from minping.kernel import ids, journal, privacy
from minping.kernel.access import RATER
from minping.kernel.errors import Problem

NEED = {"window": "扫窗口码", "terminal": "自助终端", "list": "我的待评价"}


class PhoneRefused(Problem):
    code = "phone_refused"
    status = 422
    message = gettext_noop("这不像一个手机号码。")
    cure = gettext_noop("请填办事时登记的 11 位手机号。")


class CodesTooMany(Problem):
    code = "phone_codes_too_many"
    status = 429
    message = gettext_noop("验证码要得太频繁。")
    cure = gettext_noop("请过一小时再试，或用短信里的评价链接。")


class CodeWrong(Problem):
    code = "phone_code_wrong"
    status = 422
    message = gettext_noop("验证码不对。")
    cure = gettext_noop("请核对短信里的六位数字。")


class CodeOver(Problem):
    code = "phone_code_over"
    status = 410
    message = gettext_noop("这个验证码已经失效。")
    cure = gettext_noop("请重新获取一个。")


def phone_code_send(*, phone: str, purpose: str, address: str, at: datetime) -> UUID:
    """Send a code to `phone` if a record knows it, and return its id either way.

    `purpose` is one of NEED; `address` is where the request came from (kept as a keyed
    digest).  Raises PhoneRefused, CodesTooMany.
    """
    assert purpose in NEED
    number = privacy.normal_phone(phone)
    if len(number) != 11 or not number.startswith("1"):
        raise PhoneRefused(field="phone")
    rules = law.at(settings.MINPING_AREA, at.astimezone(law.BEIJING).date())
    index, origin = privacy.index("phone", number), privacy.index("address", address)
    with transaction.atomic():
        recent = PhoneCode.objects.filter(made_at__gt=at - timedelta(hours=1))
        many = recent.filter(phone_index=index).count() >= int(rules.value("phone_code_per_hour").value)
        if many or recent.filter(address=origin).count() >= int(rules.value("phone_code_per_address").value):
            raise CodesTooMany(field="phone")
        until = law.due(rules.limit("phone_code"), at).at
        made = PhoneCode.objects.create(
            id=ids.uuid7(at), purpose=purpose, phone_index=index, address=origin, made_at=at, until=until
        )
        if Applicant.objects.filter(phone_index=index).exists():
            text = Text(id=made.pk, purpose=Purpose.PHONE_CODE, phone_index=index, created_at=at, next_try_at=at)
            text.phone = privacy.seal(number.encode(), text.place)
            text.save(force_insert=True)
        journal.write("phone_code.asked", at=at, actor=RATER.name, subject=made.pk, purpose=purpose)
    return made.pk


def phone_code_check(*, identifier: UUID, code: str, purpose: str, at: datetime) -> bytes:
    """The blind index of the phone that the right code proves; it is spent by that.

    Each try counts, in a statement of its own, so that many at once are not one.
    Raises CodeWrong, CodeOver.
    """
    rules = law.at(settings.MINPING_AREA, at.astimezone(law.BEIJING).date())
    most = int(rules.value("phone_code_tries").value)
    open_ones = PhoneCode.objects.filter(Q(pk=identifier, purpose=purpose, used_at=None, until__gt=at), tries__lt=most)
    if not open_ones.update(tries=F("tries") + 1):
        raise CodeOver(field="code")
    digits = "".join(sign for sign in code if sign.isdigit())
    if not hmac.compare_digest(digits.encode(), tokens.phone_code(identifier).encode()):
        raise CodeWrong(field="code")
    if not PhoneCode.objects.filter(pk=identifier, used_at=None).update(used_at=at):
        raise CodeOver(field="code")
    return bytes(PhoneCode.objects.values_list("phone_index", flat=True).get(pk=identifier))
