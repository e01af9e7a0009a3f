"""How long the rules of the leads take over many ratings of one month: `python -m bench.leads 100000` (minan/5.2).

An own home folder; SQLite, or the PostgreSQL server of `MINPING_BENCH_POSTGRES`.
"""

from __future__ import annotations

import os
import random
import sys
import time
from datetime import timedelta

from bench import world


def fill(count: int) -> None:
    """`count` ratings of the last 29 days, most of them ordinary, some thousand odd in each way but one."""
    from django.db import connection, transaction

    from minping.evaluate.models import Rating, Service
    from minping.evaluate.services import services_receive
    from minping.kernel import clock, ids

    now, dice = clock.now(), random.Random(5)
    for first in range(0, count, 10_000):
        many = min(10_000, count - first)
        services_receive(world.parsed(first, many, now), by=world.reporter(), at=now)
        named = {"case_no__gte": f"B-{first:09d}", "case_no__lt": f"B-{first + many:09d}"}
        ratings = []
        for n, service in enumerate(Service.objects.filter(**named).order_by("case_no"), start=first):
            at = now - timedelta(seconds=(count - n) * 29 * 86400 / count)
            odd = n % 50 == 0
            ratings.append(
                Rating(
                    id=ids.uuid7(at), service=service, ordinal=1, kind="first", level=dice.choice((5, 5, 5, 4, 3, 2, 1)),
                    tags=[], channel="tablet", proof="link", device_code=f"d{n % 200}", rated_at=at, change_until=at,
                    text="非常好非常快，点赞！" if odd else f"第{n}件，办得还可以。", change_token=ids.uuid7().bytes,
                    receipt=ids.uuid7().bytes,
                )
            )  # fmt: skip
        with transaction.atomic():
            Rating.objects.bulk_create(ratings, 2000)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")


def main(count: int) -> None:
    os.environ.update(world.environment(os.environ.get("MINPING_BENCH_POSTGRES", "")))
    world.ready()
    fill(count)
    from django.db import connection

    from minping.kernel import clock
    from minping.supervise import leads
    from minping.supervise.models import Lead, LeadRow

    for turn in ("第一次", "再一次"):
        start = time.perf_counter()
        leads.leads_find(at=clock.now())
        took = time.perf_counter() - start
        print(
            f"{connection.vendor} {count} 件评价，{turn}：{took:.1f} 秒，疑点 {Lead.objects.count()} 件，"
            f"所列评价 {LeadRow.objects.count()} 件"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
