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
    "relay": 5_000,
}
QUICK = {
    "raw": 1000,
    "ratings": 800,
    "pages": 800,
    "intake": 30_000,
    "defaults": 50_000,
    "worklist": 5_000,
    "relay": 1_000,
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
    for db in found:
        if "intake" in found[db]:
            print(f"时间花在哪里（{db}，收件）：{'，'.join(found[db]['intake']['where'])}")
    right = all(part.get("right", True) for parts in found.values() for part in parts.values())
    print("每条答复都在库里，日志核验通过。" if right else "有答复不在库里，或日志核验不通过！")
    return 0 if right else 1


def over(raw: dict[str, Any], rate: float, name: str = "eight") -> str:
    return f"，差 {raw[name] / rate:.1f}×" if raw else ""


ROWS: tuple[tuple[str, str, Any, str], ...] = (
    ("原始单行提交，1 连接 /秒", "raw", lambda f, r: f"{f['one']:,.0f}", "—"),
    ("原始单行提交，8 连接 /秒", "raw", lambda f, r: f"{f['eight']:,.0f}", "—"),
    ("评价（8 线程，答复即已落盘）/秒", "ratings", lambda f, r: f"{f['rate']:,.0f}{over(r, f['rate'])}", "≤ 8×"),
    ("　p50 / p99 毫秒", "ratings", lambda f, r: f"{f['p50']:.1f} / {f['p99']:.1f}", ""),
    ("评价（8 客户端，HTTP 全程）/秒", "pages", lambda f, r: f"{f['rate']:,.0f}{over(r, f['rate'])}", "≤ 8×"),
    ("　p50 / p99 毫秒", "pages", lambda f, r: f"{f['p50']:.1f} / {f['p99']:.1f}", ""),
    ("收件，每批一万 /秒", "intake", lambda f, r: f"{f['rate']:,.0f}", "20,000"),
    (
        "默认 /秒（总数，秒）",
        "defaults",
        lambda f, r: f"{f['rate']:,.0f}（{f['made']:,}，{f['seconds']:.0f}）",
        "百万 60 秒",
    ),
    ("上送，1 个进程 /秒（占沙盒极限）", "relay", lambda f, r: f"{f['one']:,.0f}（{f['one'] / f['limit']:.0%}）", "65"),
    ("上送，4 个进程 /秒（占沙盒极限）", "relay", lambda f, r: f"{f['four']:,.0f}（{f['four'] / f['limit']:.0%}）", ""),
    ("　沙盒自己的极限 /秒", "relay", lambda f, r: f"{f['limit']:,.0f}", "—"),
    ("工作台·待核实 p50 / p95 毫秒", "worklist", lambda f, r: _page(f["verify"]), "20"),
    ("工作台·待我办", "worklist", lambda f, r: _page(f["mine"]), "20"),
    ("工作台·将超时", "worklist", lambda f, r: _page(f["soon"]), "20"),
)


def _page(view: dict[str, Any]) -> str:
    return f"{view['p50']:.0f} / {view['p95']:.0f}（{view['queries']} 次查询）"


if __name__ == "__main__":
    sys.exit(main())
