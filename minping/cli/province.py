"""`minping province`: explain a profile, and rehearse on real rows without sending anything."""

from __future__ import annotations

import argparse
from datetime import date

# What is no file of a province and needs no rehearsal: our own typed messages go as they are, or not at all.
BUILT_IN = {
    "minping": "上级也用民评：消息照本系统的类型报送，没有代码和字段要换，不用试排。见 docs/provinces.md“上级也用民评”。",
    "end": "终点：上面没有系统，什么也不送。",
}


def _day(options: argparse.Namespace) -> date:
    from minping.kernel import clock

    return date.fromisoformat(options.on) if options.on else clock.beijing(clock.now()).date()


def check(options: argparse.Namespace) -> int:
    """Read a profile, say what it can do and what it lacks; 1 where the installation lacks a credential for it."""
    from minping.cli.commands import setup

    setup()
    from django.conf import settings

    from minping.upstream import profile
    from minping.upstream.profile.explain import explain
    from minping.upstream.provinces.family.http import read_credentials

    day = _day(options)
    if options.profile in BUILT_IN:
        print(BUILT_IN[options.profile])
        return 0
    found = profile.load(options.profile, on=day)
    for line in explain(found, settings.MINPING_AREA, day):
        print(line)
    kept = read_credentials()
    missing = [name for name in found.credentials if not kept.get(name)]
    if missing and options.profile == settings.MINPING_PROVINCE_PROFILE:
        print(f"缺少凭证：{'、'.join(missing)}。请写进数据目录的 province.json。")
        return 1
    print("配置没有问题。")
    return 0


def backfill(options: argparse.Namespace) -> int:
    """Put into the outbox what of a period has no message at all."""
    from minping.cli.commands import ready

    ready()
    from minping.kernel import clock
    from minping.kernel.access import SYSTEM
    from minping.upstream import watch
    from minping.upstream.states import KINDS

    first, last = date.fromisoformat(options.first), date.fromisoformat(options.last)
    counted = watch.backfill(first, last, by=SYSTEM, at=clock.now())
    print("、".join(f"{KINDS[kind]} {n} 条" for kind, n in counted.items()) or "没有要补的。")
    return 0


def unrated(options: argparse.Namespace) -> int:
    """Compare what is still to be rated above with ours; 1 where something does not agree, or nobody could be asked."""
    from minping.cli.commands import ready

    ready()
    from pathlib import Path

    from minping.kernel import clock
    from minping.kernel.access import SYSTEM
    from minping.upstream.unrated import unrated_ask, unrated_read

    now = clock.now()
    if options.file:
        found = unrated_read(Path(options.file).read_text(encoding="utf-8-sig"), by=SYSTEM, at=now)
    elif (asked := unrated_ask(at=now)) is not None:
        found = asked
    else:
        print("上级没有这项查询，或没有应答。省平台屏幕上的清单可以存成文件：minping province unrated --file 清单.csv")
        return 1
    print(found.text)
    return 0 if found.clean else 1


def close(options: argparse.Namespace) -> int:
    """Settle, unsent, what was meant for a superior that there is no more."""
    from minping.cli.commands import ready

    ready()
    from minping.kernel import clock
    from minping.kernel.access import SYSTEM
    from minping.upstream.desk import messages_close

    print(f"{messages_close(reason=options.reason, by=SYSTEM, at=clock.now())} 条不再送，理由已记入日志。")
    return 0


def preflight(options: argparse.Namespace) -> int:
    """Serialise and validate real rows as the profile wants them; nothing is sent, nothing is changed."""
    from minping.cli.commands import ready

    ready()
    from django.conf import settings

    from minping.upstream import profile
    from minping.upstream.building import recent_messages
    from minping.upstream.profile.explain import rehearse

    name = options.profile or settings.MINPING_PROVINCE_PROFILE
    if not name:
        print(
            "没有指定省平台配置。请写 minping province preflight --profile 350000，或先在 minping.toml 里设 province_profile。"
        )
        return 1
    if name in BUILT_IN:
        print(BUILT_IN[name])
        return 0
    found = profile.load(name, on=_day(options))
    told = rehearse(found, recent_messages(options.most))
    print(f"按“{found.label}”试排最近 {options.most} 条以内的消息，一条也没有发出：")
    for line in told.lines():
        print(line)
    print("全部可以送。" if told.clean else "有会停下的，请先处理。")
    return 0 if told.clean else 1
