"""An office with a history of cases: most closed, some open in every state, some late; and how fast its pages are."""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Callable
from datetime import timedelta
from statistics import median, quantiles
from typing import Any

from bench import world

OPEN = 0.05  # of all cases; the rest are closed
TURNS, ROUNDS = 40, 3  # of each page; the rounds lie apart, so that a busy moment of the machine falls on one of them
PARTS = (
    "排队等了", "一个上午", "材料", "交了两次", "窗口人员", "态度生硬", "没有告知", "需要补正", "系统", "停机", "网上",
    "预约以后", "又重新取号", "承诺时限", "办不下来", "跑了三趟", "社区", "开证明", "医保", "参保登记", "老人", "轮椅",
    "进不去", "电话", "没人接", "告知单", "写错了", "收费", "说不清楚", "互相推", "空调", "太热", "座位不够", "复印",
    "要钱", "身份证", "过期", "照片", "不合格", "孩子", "入学", "居住证", "营业执照", "变更", "地址", "核名", "公章",
)  # fmt: skip
ASKED = (
    {"text": "态度生硬"}, {"text": "轮椅"}, {"text": "材料 两次"}, {"text": "九天玄女"}, {"text": "收费", "level": "1"},
    {"text": "居住证", "state": "verifying"}, {"item": "优待证"}, {"level": "1"}, {"state": "malicious"},
    {"text": "营业执照", "since": "2026-03-01", "until": "2026-03-31"}, {"text": "复印 要钱 公章"}, {"window": "3号"},
)  # fmt: skip


def fill(count: int) -> None:
    """Services as they are reported; their ratings, cases, orders and words as rows (nobody waits for 100,000 stories)."""
    world.ready()
    from django.db import connection, transaction

    from minping.evaluate.models import Rating, Service
    from minping.evaluate.services import services_receive
    from minping.feedback.models import Case
    from minping.feedback.services import excerpt_of, number_of
    from minping.feedback.states import CaseState
    from minping.kernel import clock, due, ids
    from minping.rectify import words
    from minping.rectify.models import Order
    from minping.rectify.states import OrderState
    from minping.registry.models import Organization

    now, dice = clock.now(), random.Random(4)
    units = list(Organization.objects.exclude(kind="office").order_by("code").values_list("code", flat=True))
    open_cases = (CaseState.VERIFYING, CaseState.APPEALED, CaseState.MALICIOUS, CaseState.PROPOSED, CaseState.REVOKING)
    open_orders = (OrderState.ASSIGNED, OrderState.REPORTED, OrderState.EXPLAINED, OrderState.ACCEPTED)
    for first in range(0, count, 10_000):
        many = min(10_000, count - first)
        services_receive(world.parsed(first, many, now), by=world.reporter(), at=now)
        named = {"case_no__gte": f"B-{first:09d}", "case_no__lt": f"B-{first + many:09d}"}
        services = Service.objects.filter(**named).order_by("case_no")
        ratings, cases, orders = [], [], []
        for n, service in enumerate(services, start=first):
            is_open = n >= count * (1 - OPEN)
            at = now - timedelta(minutes=(count - n) * 5)
            level = 1 if dice.random() < 0.2 else 2
            rating = Rating(
                service=service, ordinal=1, kind="first", level=level, tags=[], channel="mobile", proof="link",
                text="，".join(dice.sample(PARTS, dice.randint(3, 9))) + "。", rated_at=at, change_until=at,
                change_token=ids.uuid7().bytes, receipt=ids.uuid7().bytes,
            )  # fmt: skip
            unit, pk = units[0] if dice.random() < 0.6 else dice.choice(units), ids.uuid7(at)
            told = {"area_code": service.area_code, "organization_code": unit, "window_code": service.window_code}
            state = CaseState.CLOSED
            if is_open:
                state = dice.choice((*open_cases, CaseState.CONFIRMED, CaseState.CONFIRMED, CaseState.ACCEPTED))
            clocked = due.clock(service.area_code, "verify", now - timedelta(days=dice.randint(0, 9)))
            waits = is_open and state in open_cases and state is not CaseState.REVOKING
            case = Case(
                pk=pk, number=number_of(pk, at), service=service, rating=rating, seat_code=unit,
                window_name=service.window_name,
                item_name=service.item_name, level=level, excerpt=excerpt_of(rating), state=state, opened_at=at,
                verify_due_at=clocked["due_at"], closed_at=None if is_open else at + timedelta(days=6), **told,
                **(clocked if waits else {}),
            )  # fmt: skip
            ratings.append(rating)
            cases.append(case)
            if not is_open or state in (CaseState.CONFIRMED, CaseState.ACCEPTED):
                stands = OrderState.DONE
                if is_open:
                    stands = OrderState.ACCEPTED if state is CaseState.ACCEPTED else dice.choice(open_orders[:3])
                clocked = due.clock(service.area_code, "rectify", now - timedelta(days=dice.randint(0, 14)))
                orders.append(
                    Order(
                        case=case, round=1, state=stands, assigned_at=at, assigned_by="", measures="已整改：" + rating.text,
                        rectify_due_at=clocked["due_at"], **told, **(clocked if is_open else {}),
                    )
                )  # fmt: skip
        with transaction.atomic():
            Rating.objects.bulk_create(ratings, 2000)
            Case.objects.bulk_create(cases, 2000)
            Order.objects.bulk_create(orders, 2000)
            for start in range(0, len(cases), 2000):
                words.words_set([case.pk for case in cases[start : start + 2000]])
    with connection.cursor() as cursor:  # as PostgreSQL does by itself within minutes of such a change
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")


def timed(ask: Callable[[int], None], turns: int = TURNS) -> dict[str, float]:
    """p50 and p95 in milliseconds of `turns` times, and the processor's own time of one."""
    ask(0)
    times, began = [], time.process_time()
    for turn in range(turns):
        start = time.perf_counter()
        ask(turn)
        times.append((time.perf_counter() - start) * 1000)
    return {
        "p50": median(times), "p95": quantiles(times, n=20)[18], "cpu": (time.process_time() - began) * 1000 / turns,
    }  # fmt: skip


def pages() -> dict[str, Any]:
    """Each view of the work place, the search and the overseer's page, by whoever works it."""
    from django.db import connection
    from django.test import Client
    from django.test.utils import CaptureQueriesContext

    from minping.kernel.models import Account

    def client_of(username: str) -> Client:
        client = Client()
        client.force_login(Account.objects.get(username=username), backend="django.contrib.auth.backends.ModelBackend")
        return client

    reviewer, head = client_of("reviewer"), client_of("head")
    asked = []
    for said in ASKED:
        client = client_of("reviewer")
        client.post("/desk/find/", said)
        asked.append(client)

    def get(client: Client, address: str) -> Callable[[int], None]:
        def ask(_: int) -> None:
            assert client.get(address).status_code == 200

        return ask

    def look(turn: int) -> None:
        assert asked[turn % len(asked)].get("/desk/found/").status_code == 200

    reviewer.get("/desk/")
    gc.collect()
    gc.freeze()  # as minping/site/wsgi.py does
    made = {
        name: get(client, address)
        for name, client, address in (
            *((view, reviewer, f"/desk/{view}/") for view in ("mine", "verify", "review", "accept", "follow", "soon")),
            ("rectify", client_of("unit"), "/desk/rectify/"), ("marked", reviewer, "/desk/marked/"),
            ("done", reviewer, "/desk/done/"), ("calendar", reviewer, "/desk/calendar/"), ("units", head, "/units/"),
        )
    }  # fmt: skip
    shown: dict[str, Any] = {}
    asks = {**made, "found": look}
    rounds = [{name: timed(ask) for name, ask in asks.items()} for _ in range(ROUNDS)]
    for name, ask in asks.items():
        shown[name] = {key: median(one[name][key] for one in rounds) for key in rounds[0][name]}
        with CaptureQueriesContext(connection) as queries:
            ask(0)
        shown[name] |= {
            "queries": len(queries),
            "database": sum(float(q["time"]) for q in queries.captured_queries) * 1000,
        }
    for number, said in enumerate(ASKED):
        shown["found"][str(said)] = timed(lambda _, n=number: look(n), 12)["p95"]
    return shown


def office(scale: int) -> dict[str, Any]:
    fill(scale)
    return pages()
