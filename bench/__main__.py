"""Measure both databases in one run and print one table with ratios."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from bench.world import environment

FULL = {
    "raw": 4000,
    "ratings": 4000,
    "pages": 4000,
    "intake": 100_000,
    "defaults": 1_000_000,
    "worklist": 100_000,
    "office": 100_000,
    "tablets": 200,
    "relay": 5_000,
    "below": 10_000,
}
QUICK = {
    "raw": 1000,
    "ratings": 800,
    "pages": 800,
    "intake": 30_000,
    "defaults": 50_000,
    "worklist": 5_000,
    "office": 4_000,
    "tablets": 200,
    "relay": 1_000,
    "below": 1_000,
}


def measure(name: str, scale: int, postgres: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "bench.measures", name, str(scale)], env=environment(postgres), capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"测速“{name}”没有跑完：\n{done.stderr[-3000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> int:
    scales = QUICK if "--quick" in sys.argv else FULL
    if "--profile" in sys.argv:
        os.environ["BENCH_PROFILE"] = "1"
    only = [argument for argument in sys.argv[1:] if argument in FULL] or list(FULL)
    postgres = os.environ.get("MINPING_DATABASE", "")
    databases = {"SQLite": "", **({"PostgreSQL": postgres} if postgres else {})}
    if not postgres:
        print("没有 PostgreSQL（用 make bench 运行就有），只测 SQLite。")
    found = {db: {name: measure(name, scales[name], url) for name in only} for db, url in databases.items()}
    print(f"\n{'':34}{'SQLite':>24}{'PostgreSQL':>24}   目标")
    for title, name, text, aim in ROWS:
        if name in only:
            cells = [text(found[db][name], found[db].get("raw", {})) for db in found]
            print(f"{title:<28}" + "".join(f"{cell:>26}" for cell in cells) + f"   {aim}")
    for db, parts in found.items():
        for name, part in parts.items():
            if "where" in part:
                print(
                    f"时间花在哪里（{db}，{TITLES[name]}）：" + "，".join(f"{n} {s:.0%}" for n, s in part["where"][:9])
                )
    right = all(part.get("right", True) for parts in found.values() for part in parts.values())
    print("每条答复都在库里，日志核验通过。" if right else "有答复不在库里，或日志核验不通过！")
    return 0 if right else 1


def over(raw: dict[str, Any], rate: float, name: str = "eight") -> str:
    return f"，差 {raw[name] / rate:.1f}×" if raw else ""


OFFICE = {
    "mine": "待我办", "verify": "待核实", "review": "待复核", "rectify": "待整改", "accept": "待验收", "follow": "待回访",
    "soon": "将超时", "marked": "已标记", "done": "已办", "found": "查件（十二种问法）", "calendar": "时限日历",
    "units": "各单位",
}  # fmt: skip
TITLES = {"below": "上级收件", "ratings": "评价", "intake": "收件", "defaults": "默认", "worklist": "工作台"}
ROWS: tuple[tuple[str, str, Any, str], ...] = (
    ("原始单行提交，1 连接 /秒", "raw", lambda f, r: f"{f['one']:,.0f}", "—"),
    ("原始单行提交，8 连接 /秒", "raw", lambda f, r: f"{f['eight']:,.0f}", "—"),
    ("评价（8 线程，答复即已落盘）/秒", "ratings", lambda f, r: f"{f['rate']:,.0f}{over(r, f['rate'])}", "≤ 8×"),
    ("　p50 / p99 毫秒", "ratings", lambda f, r: f"{f['p50']:.1f} / {f['p99']:.1f}", ""),
    ("评价（8 客户端，HTTP 全程）/秒", "pages", lambda f, r: f"{f['rate']:,.0f}{over(r, f['rate'])}", "≤ 8×"),
    ("　p50 / p99 毫秒", "pages", lambda f, r: f"{f['p50']:.1f} / {f['p99']:.1f}", ""),
    ("原始成批写行（一万行一提交）/秒", "raw", lambda f, r: f"{f['set']:,.0f}", "—"),
    ("原始按主键读一行，毫秒", "raw", lambda f, r: f"{f['ask']:.2f}", "—"),
    ("收件，每批一万，每核一客户 /秒", "intake", lambda f, r: f"{f['rate']:,.0f}{over(r, f['rate'], 'set')}", "20,000"),
    ("　一件的处理器时间，微秒", "intake", lambda f, r: f"{f['cpu']:.0f}", ""),
    ("　只有一个客户 /秒", "intake", lambda f, r: f"{f['alone']:,.0f}{over(r, f['alone'], 'set')}", ""),
    (
        "默认 /秒（总数，秒）",
        "defaults",
        lambda f, r: f"{f['rate']:,.0f}（{f['made']:,}，{f['seconds']:.0f}）{over(r, f['rate'], 'set')}",
        "百万 60 秒",
    ),
    ("　一件的处理器时间，微秒", "defaults", lambda f, r: f"{f['cpu']:.0f}", ""),
    ("工作台·待核实 p50 / p95 毫秒", "worklist", lambda f, r: _page(f["verify"], r), "20"),
    ("工作台·待我办", "worklist", lambda f, r: _page(f["mine"], r), "20"),
    ("工作台·将超时", "worklist", lambda f, r: _page(f["soon"], r), "20"),
    *(
        (f"街道 10 万件·{label} p50 / p95 毫秒", "office", lambda f, r, view=view: _page(f[view], r), "p95 30")
        for view, label in OFFICE.items()
    ),
    (
        "窗口平板 200 台，一个进程，p50 / p99 毫秒",
        "tablets",
        lambda f, r: f"{f['p50']:.0f} / {f['p99']:.0f}",
        "p99 1,000",
    ),
    (
        "　每台内存 kB（进程 MB，闲时处理器）",
        "tablets",
        lambda f, r: f"{f['each']:.0f}（{f['process'] / 1024:.0f}，{f['idle']:.1%}）",
        "",
    ),
    ("上送，1 个进程 /秒（占沙盒极限）", "relay", lambda f, r: f"{f['one']:,.0f}（{f['one'] / f['limit']:.0%}）", "65"),
    ("上送，4 个进程 /秒（占沙盒极限）", "relay", lambda f, r: f"{f['four']:,.0f}（{f['four'] / f['limit']:.0%}）", ""),
    ("　沙盒自己的极限 /秒", "relay", lambda f, r: f"{f['limit']:,.0f}", "—"),
    ("上级收件，一次一条，连同 HTTP /秒", "below", lambda f, r: f"{f['single']:,.0f}", "—"),
    ("　一次一百条（倍）", "below", lambda f, r: f"{f['batch']:,.0f}（{f['batch'] / f['single']:.1f}×）", "—"),
    ("　一次一百条，不算 HTTP（处理器微秒/条）", "below", lambda f, r: f"{f['inside']:,.0f}（{f['cpu']:,.0f}）", "—"),
)


def _page(view: dict[str, Any], raw: dict[str, Any]) -> str:
    reads = f"，{view['p50'] / raw['ask']:.0f} 次原始读" if raw else ""
    return f"{view['p50']:.0f} / {view['p95']:.0f}（处理器 {view['cpu']:.0f}，{view['queries']} 次查询{reads}）"


if __name__ == "__main__":
    sys.exit(main())
