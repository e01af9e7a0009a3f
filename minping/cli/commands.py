"""The commands, as a table, and the short functions behind them."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from minping.cli import clue, province
from minping.kernel.errors import Problem

Run = Callable[[argparse.Namespace], int | None]
Argument = tuple[tuple[str, ...], dict[str, Any]]


@dataclass(frozen=True)
class Action:
    name: str
    help: str
    run: Run
    arguments: tuple[Argument, ...] = ()


@dataclass(frozen=True)
class Command:
    name: str
    help: str
    run: Run | None = None
    arguments: tuple[Argument, ...] = ()
    actions: tuple[Action, ...] = ()


def setup() -> None:
    """Django, set up for the home folder in force."""
    import django

    django.setup()


class NotMigrated(Problem):
    code = "not_migrated"
    message = "这个数据目录还没有建表，或版本较旧。"
    cure = "请先运行 minping migrate（演示：make run）。"


def ready() -> None:
    """Django, set up for the home folder in force, with this version's tables there."""
    setup()
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        raise NotMigrated()


def migrate(options: argparse.Namespace | None = None) -> None:
    """Bring the database to this version's tables."""
    setup()
    from django.core.management import call_command

    call_command("migrate", interactive=False, verbosity=0)


def init(options: argparse.Namespace) -> None:
    """Make the home folder, its keys and tables."""
    from dataclasses import replace

    from minping.kernel.home import home

    here = home()
    here.make()
    config = here.config()
    if options.sandbox:
        config = replace(config, sandbox=True)
    here.save(config)
    migrate()
    print(f"已就绪：{here.path}")


def serve(options: argparse.Namespace) -> int:
    from minping.cli.serve import run

    return run(demo=options.demo, story=options.story)


def web(options: argparse.Namespace) -> int:
    from minping.cli.serve import web_command

    arguments = web_command()
    os.execv(arguments[0], arguments)


def stream(options: argparse.Namespace) -> int:
    from minping.cli.serve import stream_command

    arguments = stream_command()
    os.execv(arguments[0], arguments)


def jobs(options: argparse.Namespace) -> None:
    """Run the jobs until told to stop; the batch in hand is finished first."""
    import signal
    import threading

    ready()
    from minping.chain import JOBS
    from minping.kernel.jobs import Worker

    worker = Worker(JOBS)
    ended = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: ended.set())
    worker.start()
    ended.wait()
    worker.stop()


def sandbox(options: argparse.Namespace) -> int:
    from minping.kernel.home import home
    from minping.sandbox.__main__ import main

    here = home()
    here.make()
    store = options.store or str(here.path / "sandbox.sqlite3")
    return main(
        ["--host", options.host, "--port", str(options.port), "--store", store, "--token", here.keys()["province"]]
    )


def verify(options: argparse.Namespace) -> int:
    """Recompute the chain and every record; name what was altered, removed or inserted."""
    ready()
    from minping.kernel import journal

    result = journal.verify()
    for finding in result.findings:
        print(f"{finding.kind}: {finding.message}")
    if result.clean:
        print(f"核验通过：日志 {result.entries} 行，记录 {result.records} 条，没有发现改动、删除或插入。")
        return 0
    print(f"核验不通过：首先是 {result.findings[0].where}。")
    return 1


def clock(options: argparse.Namespace) -> None:
    from minping.kernel import clock as kernel_clock

    if options.by:
        kernel_clock.move(options.by)
    print(
        f"系统时间：{kernel_clock.beijing(kernel_clock.now()):%Y-%m-%d %H:%M:%S} {kernel_clock.day_text(kernel_clock.now())}"
    )


def health(options: argparse.Namespace) -> int:
    ready()
    from minping.site.health import figures

    parts = figures()
    print(json.dumps(parts, ensure_ascii=False, indent=1))
    return 0 if all(part.get("ok", True) for part in parts.values()) else 1


def _listing(rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        print(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    for row in rows:
        print("  ".join(str(row.get(name) or "") for name in ("kind", "organization_code", "code", "name")).rstrip())


def registry_list(options: argparse.Namespace) -> None:
    ready()
    from minping.registry import export

    _listing(export.rows(), options.json)


def item_list(options: argparse.Namespace) -> None:
    ready()
    from minping.registry import export

    _listing(export.items(), options.json)


def registry_import(options: argparse.Namespace) -> int:
    """Import a workbook or a folder: a dry run first, then with --yes for good."""
    ready()
    from minping.kernel import clock as kernel_clock
    from minping.kernel.access import SYSTEM
    from minping.registry import importing

    plan = importing.plan(importing.read(Path(options.file)))
    print(plan.summary())
    for row in plan.bad:
        print(f"  {row.sheet} 第 {row.row} 行：{row.reason}")
    if plan.bad:
        print("有错误，一行也没有导入。请改正后重来。")
        return 1
    if not options.yes:
        print("这是试运行，没有改动。确认无误后加 --yes 正式导入。")
        return 0
    importing.registry_import(plan, by=SYSTEM, at=kernel_clock.now())
    print("已导入。")
    return 0


def services_import(options: argparse.Namespace) -> int:
    """Report services from a CSV or XLSX file."""
    ready()
    from minping.evaluate import files
    from minping.kernel import clock as kernel_clock
    from minping.kernel.access import Actor, Grant

    by = Actor("system", "命令行", (Grant(frozenset({"services:write"}), "/"),))
    result = files.import_file(Path(options.file), by=by, at=kernel_clock.now())
    print(result.summary())
    if options.links:
        kept = [(number, answer.as_json()) for number, answer in result.answers if answer.problem is None]
        lines = [f"{row['case_no']}\t{row['service_no']}\t{row['invitation_url']}\n" for _, row in kept]
        with open(options.links, "w", encoding="utf-8", opener=private) as stream:
            stream.writelines(lines)
        print(f"评价链接已写入 {options.links}（只给本人，勿外传）。")
    for bad in result.bad:
        print(f"  第 {bad.row} 行：{bad.reason}")
    return 1 if result.bad else 0


def _days(options: argparse.Namespace) -> tuple[date, date]:
    """The days asked for; without any, the last 31 to today, Beijing."""
    from minping.kernel import clock as kernel_clock

    today = kernel_clock.beijing(kernel_clock.now()).date()
    last = date.fromisoformat(options.end) if options.end else today
    return (date.fromisoformat(options.start) if options.start else last - timedelta(days=31)), last


def export_ratings(options: argparse.Namespace) -> None:
    """Ratings and defaults of a period as CSV, word for word."""
    ready()
    from minping.evaluate.export import ratings_write
    from minping.upstream.queries import day_bounds

    start, end = day_bounds(*_days(options))
    with open(options.file, "w", encoding="utf-8-sig", newline="", opener=private) as stream:
        count = ratings_write(stream, start, end)
    print(f"已写出 {count} 行：{options.file}")


def reconcile(options: argparse.Namespace) -> int:
    """By day, kind and level: ours, arrived, and what the superior sees; 1 where they differ."""
    ready()
    from minping.kernel.clock import now
    from minping.upstream import queries as upstream
    from minping.upstream.states import KINDS

    lines, answered = upstream.reconciled(*_days(options), at=now())
    if not answered:
        print("省平台现在查不到，差额按省平台的收据算。")
    print("日期        类别      等级  我方  已收  省方所见  差")
    for line in lines:
        seen = "—" if line.seen is None else line.seen
        print(
            f"{line.day}  {KINDS[line.kind]:<6}  {line.level or '—'}  {line.ours:>6}{line.sent:>6}{seen:>8}{line.difference:>6}"
        )
    wrong = [line for line in lines if line.difference or line.ours != line.sent]
    print(f"{len(wrong)} 行有差异。" if wrong else "没有差异。")
    return 1 if wrong else 0


def private(path: str, flags: int) -> int:
    """Open a file that only its owner may read."""
    return os.open(path, flags, 0o600)


def key_create(options: argparse.Namespace) -> None:
    ready()
    from minping.kernel import access
    from minping.kernel import clock as kernel_clock
    from minping.registry import queries as registry

    where = registry.place(options.org)
    secret = access.key_create(
        organization_code=where.code, permissions=options.can.split(","), label=options.label, by=access.SYSTEM,
        at=kernel_clock.now(),
    )  # fmt: skip
    print(f"密钥只显示这一次，请妥善保存（{where.name}）： {secret}")


def key_list(options: argparse.Namespace) -> None:
    ready()
    from minping.kernel.models import ApiKey

    for key in ApiKey.objects.order_by("created_at"):
        state = "已停用" if key.revoked_at else "有效"
        print(f"{key.pk}  {key.organization_code}  {','.join(key.permissions)}  {state}  {key.label}")


def key_revoke(options: argparse.Namespace) -> None:
    ready()
    from uuid import UUID

    from minping.kernel import access
    from minping.kernel import clock as kernel_clock

    access.key_revoke(key_id=UUID(options.id), by=access.SYSTEM, at=kernel_clock.now())
    print("已停用。")


def law_check(options: argparse.Namespace) -> int:
    from minping import law

    problems = law.check()
    for problem in problems:
        print(problem)
    print("规则目录没有问题。" if not problems else f"有 {len(problems)} 处问题。")
    return 1 if problems else 0


def law_show(options: argparse.Namespace) -> None:
    """What is in force in an area on a day, with its clause."""
    from minping import law
    from minping.kernel import clock as kernel_clock

    on = date.fromisoformat(options.on) if options.on else kernel_clock.beijing(kernel_clock.now()).date()
    rules = law.at(options.area, on)
    print(f"{rules.version} 于 {on}")
    for limit in rules.limits.values():
        print(
            f"  {limit.label}：{limit.value} {law.UNIT_LABELS[limit.unit]}  {limit.clause}  {law.spoken(limit.source)}"
        )
    for parameter in rules.values.values():
        print(f"  {parameter.label}：{parameter.value}  {parameter.clause}  {law.spoken(parameter.source)}")
    for reminder in rules.reminders.values():
        told = "；".join(
            f"{said}提醒{'，无人时'.join(rules.roles[one].label for one in getattr(reminder, occasion))}"
            for occasion, said in law.OCCASIONS.items()
        )
        print(f"  提醒谁 · {reminder.label}：{told}  {reminder.clause}")


def load_calendar(options: argparse.Namespace) -> None:
    """Load a year's holiday notice; provisional due times are computed anew, on record."""
    ready()
    from minping.kernel import clock as kernel_clock
    from minping.kernel.access import SYSTEM
    from minping.site.calendar import calendar_load

    edition, moved = calendar_load(Path(options.file), by=SYSTEM, at=kernel_clock.now())
    print(f"已载入：{edition}。重新计算了 {moved} 个暂定时限，变动已记入日志。")


PERIOD: tuple[Argument, ...] = (
    (("--from",), {"dest": "start", "default": "", "metavar": "日期", "help": "起（默认 31 天前）"}),
    (("--to",), {"dest": "end", "default": "", "metavar": "日期", "help": "止（默认今天）"}),
)
ON: Argument = (("--on",), {"default": "", "metavar": "2026-11-24", "help": "按哪一天有效的版本（默认今天）"})
FILE: Argument = (("file",), {"metavar": "文件"})
JSON: Argument = (("--json",), {"action": "store_true", "help": "输出 JSON"})

COMMANDS = (
    Command("serve", "启动：网页、任务，演示时还有沙盒省平台", serve, (
        (("--demo",), {"action": "store_true", "help": "演示环境"}),
        (("--story",), {"action": "store_true", "help": "演示街道带上最近一个月的办理（只在还没有服务时）"}),
    )),
    Command("init", "建立数据目录", init, ((("--sandbox",), {"action": "store_true", "help": "演示环境，可以调时钟"}),)),
    Command("migrate", "升级数据库表", migrate),
    Command("web", "只启动网页", web),
    Command("stream", "只启动窗口装置的推送", stream),
    Command("jobs", "只启动任务", jobs),
    Command(
        "sandbox", "只启动沙盒省平台", sandbox,
        (
            (("--host",), {"default": "127.0.0.1"}),
            (("--port",), {"type": int, "default": 8001}),
            (("--store",), {"default": ""}),
        ),
    ),
    Command("verify", "核验日志与记录", verify),
    Command("clock", "看或调演示环境的时钟", clock, ((("by",), {"nargs": "?", "metavar": "+8d", "help": "+8d、+3h、+15m、reset"}),)),
    Command("health", "看是否正常", health),
    Command("import", "导入登记簿（工作簿或目录），先试运行", registry_import, (FILE, (("--yes",), {"action": "store_true"}))),
    Command("registry", "登记簿", actions=(Action("list", "列出", registry_list, (JSON,)),)),
    Command("item", "事项", actions=(Action("list", "列出", item_list, (JSON,)),)),
    Command("services", "服务", actions=(Action(
                "import", "从 CSV 或 XLSX 报送", services_import,
                (FILE, (("--links",), {"default": "", "metavar": "文件", "help": "把各件的评价链接写入文件"})),
            ),)),
    Command(
        "province", "省平台配置",
        actions=(
            Action(
                "backfill", "把一段日子里从没有排过队的记录排进上送队列", province.backfill,
                ((("first",), {"metavar": "起始日"}), (("last",), {"metavar": "截止日"})),
            ),
            Action(
                "close", "设为终点之后，给原来上级没送完的不再送", province.close,
                ((("--reason",), {"required": True, "metavar": "理由"}),),
            ),
            Action(
                "unrated", "核对上级还列为待评的服务", province.unrated,
                ((("--file",), {"default": "", "metavar": "文件", "help": "省平台屏幕上的清单，每行：办件编号,服务序号,机构代码"}),),
            ),
            Action("check", "检查并说明一份配置", province.check, ((("profile",), {"metavar": "名字或文件"}), ON)),
            Action(
                "preflight", "拿真实的消息试排，不发出", province.preflight,
                (
                    (("--profile",), {"default": "", "metavar": "名字或文件"}),
                    (("--most",), {"type": int, "default": 500, "metavar": "条数"}),
                    ON,
                ),
            ),
        ),
    ),
    Command(
        "clue", "纪检线索（在纪检人员自己的电脑上，不联网）",
        actions=(
            Action("keygen", "生成私钥文件，打印公钥和指纹", clue.keygen, (FILE,)),
            Action("reader", "写出阅读器：一个网页文件，在浏览器里做私钥、打开密封件", clue.reader_keep, (FILE,)),
            Action(
                "open", "用私钥打开密封件", clue.opened,
                (FILE, (("--key",), {"required": True, "metavar": "私钥文件", "help": "minping clue keygen 生成的"}),
                 (("--to",), {"default": "", "metavar": "文件夹", "help": "把附件存到这里"}), JSON),
            ),
        ),
    ),
    Command("reconcile", "与省平台对账：按日、类别、等级", reconcile, PERIOD),
    Command("export", "导出", actions=(Action("ratings", "评价与默认（CSV，供程序读）", export_ratings, (FILE, *PERIOD)),)),
    Command(
        "key", "接口密钥",
        actions=(
            Action(
                "create", "生成", key_create,
                (
                    (("--org",), {"required": True, "metavar": "机构代码"}),
                    (("--can",), {"required": True, "metavar": "services:write,…"}),
                    (("--label",), {"default": "", "metavar": "名称"}),
                ),
            ),
            Action("list", "列出", key_list),
            Action("revoke", "停用", key_revoke, ((("id",), {"metavar": "编号"}),)),
        ),
    ),
    Command(
        "law", "规则与日历",
        actions=(
            Action("check", "检查规则目录", law_check),
            Action(
                "show", "看某地某日的规则", law_show,
                ((("--area",), {"default": "350213005"}), (("--on",), {"default": "", "metavar": "2026-11-23"})),
            ),
            Action("load-calendar", "载入放假安排", load_calendar, (FILE,)),
        ),
    ),
)  # fmt: skip
