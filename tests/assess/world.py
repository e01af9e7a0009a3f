"""A small world made by hand: rows with their own times, no services run, so that each number can be counted."""

from __future__ import annotations

import hashlib
import itertools
from datetime import UTC, date, datetime, timedelta
from typing import Any

from minping import law
from minping.assess.periods import midnight
from minping.evaluate.models import Applicant, DefaultOutcome, Rating, RatingRevision, Service
from minping.feedback.models import Case, Revocation
from minping.kernel import journal
from minping.kernel.access import Actor, Grant
from minping.rectify.models import Order
from minping.registry import queries as registry
from minping.registry.models import Area, Organization, Window

AREA = "350213005"
OFFICE, CENTER, POINT = "MA", "MA-C", "MA-P1"
_numbers = itertools.count(1)


def registry_made() -> None:
    """街道办事处, its centre with windows W1 and W2, an agent point with one desk; a neighbour beside them."""
    area = Area.objects.create(code=AREA, name="民安街道")
    office = Organization.objects.create(
        code=OFFICE, name="民安街道办事处", kind="office", area=area, path=f"/{OFFICE}/"
    )
    center = Organization.objects.create(
        code=CENTER, name="便民服务中心", kind="center", area=area, parent=office, path=f"/{OFFICE}/{CENTER}/"
    )
    point = Organization.objects.create(
        code=POINT,
        name="某社区代办点",
        kind="agent_point",
        area=area,
        parent=office,
        path=f"/{OFFICE}/{POINT}/",
    )
    Organization.objects.create(code="NB", name="邻街道办事处", kind="office", area=area, path="/NB/")
    for organization, code, name in (
        (center, "W1", "窗口一号"),
        (center, "W2", "窗口二号"),
        (point, "D1", "代办台"),
    ):
        Window.objects.create(organization=organization, code=code, name=name)
    registry.forget()


def beijing(day: str, hour: int = 10, minute: int = 0) -> datetime:
    """`2026-11-02` at an hour in Beijing."""
    return midnight(date.fromisoformat(day)) + timedelta(hours=hour, minutes=minute)


def _bytes(*parts: object) -> bytes:
    return hashlib.sha256("/".join(map(str, parts)).encode()).digest()


def service(
    day: str,
    *,
    organization: str = CENTER,
    window: str = "W1",
    handling: str = "hall",
    case_no: str = "",
    number: int = 1,
    hour: int = 10,
    item: str = "居住证办理",
    **more: Any,
) -> Service:
    """A service served on a day; `case_no` empty: a case of its own."""
    at = beijing(day, hour)
    made = next(_numbers)
    found = Service.objects.create(
        area_code=AREA, organization_code=organization, organization_name=organization,
        case_no=case_no or f"C{made:08}", service_no=number, service_name="办结", item_code=f"I-{item}",
        item_name=item, window_code=window, window_name=window, handling=handling, case_state=3, served_at=at,
        received_at=more.pop("received_at", at), reported_by="key:test", content=_bytes("c", made)[:16],
        token=_bytes("t", made), default_due_at=midnight(at.astimezone(law.BEIJING).date() + timedelta(days=8)),
        default_rule="默认", closes_at=at + timedelta(days=400), **more,
    )  # fmt: skip
    Applicant.objects.create(service=found, sealed=b"x")
    return found


def rating(
    of: Service,
    level: int,
    day: str,
    *,
    hour: int = 11,
    kind: str = "first",
    tags: tuple[str, ...] = (),
    text: str = "",
    proof: str = "link",
) -> Rating:
    """A word of the person's own; a negative first or supplementary one has no case yet (see `negative`)."""  # fmt: skip
    at = beijing(day, hour)
    made = next(_numbers)
    ordinal = 0 if kind == "package" else Rating.objects.filter(service=of, ordinal__gt=0).count() + 1
    found = Rating.objects.create(
        service=of, ordinal=ordinal, kind=kind, level=level, tags=list(tags), text=text, channel="qr", proof=proof,
        rated_at=at, change_token=_bytes("ch", made), change_until=at + timedelta(minutes=15),
        receipt=_bytes("r", made)[:16],
    )  # fmt: skip
    if kind in ("first", "package"):
        Service.objects.filter(pk=of.pk).update(outcome="rating", outcome_at=at)
    return found


def changed(of: Rating, level: int, at: datetime) -> None:
    """The giver changed the level at `at`."""
    RatingRevision.objects.create(rating=of, revision=of.revision, level=of.level, tags=of.tags, text=of.text, until=at)
    of.level, of.revision = level, of.revision + 1
    of.save()


def default(of: Service, level: int = 4) -> DefaultOutcome:
    """The silence of this service ended in a default."""
    Service.objects.filter(pk=of.pk).update(outcome="default", outcome_at=of.default_due_at)
    return DefaultOutcome.objects.create(service=of, level=level, rule="默认", made_at=of.default_due_at)


def case(of: Rating, *, confirmed: str = "", due: str = "", **more: Any) -> Case:
    """The case of a negative rating; verified by the end of `due` (default: two days on)."""
    where = of.service
    last = date.fromisoformat(due) if due else of.rated_at.astimezone(law.BEIJING).date() + timedelta(days=2)
    return Case.objects.create(
        number=f"差评-{next(_numbers):06}", service=where, rating=of, area_code=AREA,
        organization_code=where.organization_code, seat_code=where.organization_code, window_code=where.window_code,
        window_name=where.window_name,
        item_name=where.item_name, level=of.level,
        state=more.pop("state", "confirmed" if confirmed else "verifying"),
        opened_at=of.rated_at, verify_due_at=midnight(last + timedelta(days=1)),
        confirmed_at=beijing(confirmed) if confirmed else None,
        verified_at=beijing(confirmed) if confirmed else None, **more,
    )  # fmt: skip


def pending(of: Case, since: str) -> Revocation:
    """An application for revocation that the superior has not answered."""
    at = beijing(since)
    return Revocation.objects.create(
        case=of, ground="mistaken", statement="评价人说点错了。", proposed_at=at, proposed_by="account:reviewer",
        proposed_unit="/minan/", approved_at=at, approved_by="account:head", authority="district",
    )  # fmt: skip


def revoked(of: Case, since: str, answered: str) -> None:
    """One that the superior granted: only now is the rating invalid (R7)."""
    at = beijing(answered)
    row = pending(of, since)
    Revocation.objects.filter(pk=row.pk).update(answer="revoke", answered_at=at, ended_at=at)
    Case.objects.filter(pk=of.pk).update(state="closed", result="revoked", closed_at=at)
    Service.objects.filter(pk=of.service_id).update(outcome="invalid", outcome_at=at)


def order(of: Case, due: str, *, reported: str = "", accepted: str = "", followed: str = "", **more: Any) -> Order:
    """The next round of a case, to be reported by the end of `due`."""
    previous = Order.objects.filter(case=of).order_by("-round").first()
    more.setdefault("follow_up", "solved" if followed else "")
    state = "accepted" if accepted else "reported" if reported else "assigned"
    return Order.objects.create(
        case=of, round=previous.round + 1 if previous else 1, area_code=AREA, organization_code=of.organization_code,
        window_code=of.window_code, state=more.pop("state", state),
        assigned_at=more.pop("assigned_at", of.confirmed_at), assigned_by="account:reviewer",
        rectify_due_at=midnight(date.fromisoformat(due) + timedelta(days=1)),
        reported_at=beijing(reported) if reported else None, accepted_at=beijing(accepted, 12) if accepted else None,
        followed_at=beijing(followed, 15) if followed else None, **more,
    )  # fmt: skip


def negative(
    day: str, *, level: int = 2, tags: tuple[str, ...] = ("210",), proof: str = "link", **where: Any
) -> Rating:
    """A service served and rated badly on the same day."""
    return rating(service(day, **where), level, day, tags=tags, proof=proof)


def moved(of: Order, verb: str, at: datetime) -> None:
    """A journal row such as the service of 改进 writes for a move."""
    journal.write(f"order.{verb}", at=at, actor="account:unit", subject=of.case_id, records=[of], round=of.round)


def actor(*permissions: str, path: str = f"/{OFFICE}/", window: str = "") -> Actor:
    return Actor("account:somebody", "某岗位", (Grant(frozenset(permissions), path, window),))


HEAD = actor("indicators.read", "quarter.send", "case.read")
UNIT = actor("indicators.read")
NOW = datetime(2026, 11, 23, 7, 20, tzinfo=UTC)  # Monday 15:20 in Beijing


def account(username: str, role: str, *, organization: str = OFFICE, window: str = "") -> Any:
    """A sign-in with one role at one place."""
    from minping.kernel.models import Account, Assignment

    found = Account.objects.create_account(username, f"某{username}", "只在测试里用的口令-2026")
    Assignment.objects.create(account=found, role=role, organization_code=organization, window_code=window)
    return found


def november() -> None:
    """Some of everything in November 2026: good, bad, silent, late, online, in time and not."""
    for level in (5, 5, 4, 3):
        rating(service("2026-11-02", item="老年优待证"), level, "2026-11-02", text="谢谢。")
    rating(service("2026-11-03", handling="online", window=""), 5, "2026-11-03")
    for _ in range(3):
        default(service("2026-11-03", window="W2"))
    late = service("2026-11-03", organization=POINT, window="D1", handling="agent_point")
    default(late)
    spoken = rating(late, 2, "2026-11-20", kind="supplementary", tags=("213",))
    case(spoken)
    service("2026-11-04")
    invalid = negative("2026-11-04", level=1, tags=("115",))
    pending(case(invalid, state="revoking"), "2026-11-06")
    for followed, answer in (("2026-11-12", "solved"), ("2026-11-12", "partly"), ("", "")):
        opened = case(negative("2026-11-05", tags=("210", "213")), confirmed="2026-11-06")
        order(
            opened,
            "2026-11-13",
            reported="2026-11-10",
            accepted="2026-11-11",
            followed=followed,
            follow_up=answer,
        )
    overdue = case(negative("2026-11-05", window="W2"), confirmed="2026-11-06")
    order(overdue, "2026-11-13")
    case(negative("2026-11-20"), due="2026-12-31")
