"""One overall rating of a 一件事, or each item on its own (minan/3.4.3, R10).

The overall rating is not spread by copying a number: each service without a word of its
own gets a record with its origin, by the same road as any press, and the person's own
word on an item prevails whichever came first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hmac import compare_digest
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_noop

from minping.evaluate import tokens
from minping.evaluate.models import Applicant, PackageRating, Rating, Service
from minping.evaluate.queries import package_of
from minping.evaluate.services.rate import (
    AlreadyRated,
    InvitationClosed,
    InvitationUnknown,
    Press,
    Receipt,
    ratings_give,
)
from minping.evaluate.states import Entry
from minping.kernel import ids, journal
from minping.kernel.access import RATER
from minping.kernel.errors import Problem


class NotAPackage(Problem):
    code = "not_a_package"
    status = 404
    message = gettext_noop("这次服务不属于“一件事”套餐。")
    cure = gettext_noop("请直接评价这一次服务。")


SKIPPED = (AlreadyRated, InvitationClosed)  # such a part keeps what it has; any other refusal refuses the whole


@dataclass(frozen=True)
class PackageReceipt:
    """The overall rating and its shares; `made` tells whether this press was the one that gave it."""

    package: PackageRating
    shares: tuple[Rating, ...]
    made: bool

    @property
    def change_token(self) -> str:
        return tokens.change_token(self.package.pk)


def package_rate(press: Press) -> PackageReceipt:
    """Rate every service of the package that has no word yet; `press.token` is any one service's invitation.

    Raises the refusals of `rate`, NotAPackage, and AlreadyRated where nothing is left to rate.
    """
    with transaction.atomic():
        service = Service.objects.filter(token=tokens.stored(press.token)).first()
        if service is None:
            raise InvitationUnknown()
        parts = package_of(service)
        if len(parts) < 2:
            raise NotAPackage()
        package = PackageRating(
            id=ids.uuid7(press.at), package_no=service.package_no, person=_person(service), service=service,
            rated_at=press.at,
        )  # fmt: skip
        common = replace(press, entry=Entry.PACKAGE, package_id=package.pk, change="", press_id=None)
        answers = _answers([replace(common, token=tokens.invitation_token(part.pk)) for part in parts])
        made = tuple(answer.rating for answer in answers if answer.made)
        if not made:
            return _again(answers)
        package.save(force_insert=True)
        journal.write(
            "package.rated", at=press.at, actor=RATER.name, organization_code=service.organization_code,
            subject=package.pk, records=[package], level=made[0].level, shares=len(made), parts=len(parts),
        )  # fmt: skip
    return PackageReceipt(package, made, made=True)


def package_change(package_id: UUID, press: Press) -> PackageReceipt:
    """Change level, reasons or words of an overall rating within the minutes allowed, on all its shares together.

    `press.change` is the receipt's change token.  A service with a word of its own since then keeps it.
    Raises the refusals of `rate`; AlreadyRated for a wrong token or too late.
    """
    if not compare_digest(press.change, tokens.change_token(package_id)):
        raise AlreadyRated()
    with transaction.atomic():
        package = PackageRating.objects.get(pk=package_id)
        shares = Rating.objects.filter(package=package).order_by("id")
        presses = [
            replace(press, token=tokens.invitation_token(share.service_id), change=tokens.change_token(share.pk))
            for share in shares
        ]
        answers = _answers(presses)
        if not answers:
            raise AlreadyRated()
    return PackageReceipt(package, tuple(answer.rating for answer in answers), made=False)


def _answers(presses: list[Press]) -> list[Receipt]:
    answers: Sequence[Receipt | Exception] = ratings_give(presses)
    for answer in answers:
        if isinstance(answer, Exception) and not isinstance(answer, SKIPPED):
            raise answer
    return [answer for answer in answers if isinstance(answer, Receipt)]


def _again(answers: Sequence[Receipt]) -> PackageReceipt:
    """The same press twice has the first one's receipt."""
    origin = next((answer.rating.package_id for answer in answers if answer.rating.package_id), None)
    if origin is None:
        raise AlreadyRated()
    package = PackageRating.objects.get(pk=origin)
    return PackageReceipt(package, tuple(Rating.objects.filter(package=package).order_by("id")), made=False)


def _person(service: Service) -> bytes:
    return bytes(Applicant.objects.values_list("certificate_index", flat=True).get(service=service) or b"")
