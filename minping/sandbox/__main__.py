"""python -m minping.sandbox: run the sandbox province until Ctrl-C or SIGTERM."""

from __future__ import annotations

import argparse
import ipaddress
import signal
import sys
import threading
from pathlib import Path

from minping.sandbox import StoreError, serve


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def main(argv: list[str] | None = None) -> int:
    """Exit status 0 after a clean end, 1 when it could not start. The address is the first line on stdout."""
    parser = argparse.ArgumentParser("python -m minping.sandbox", description="沙盒省平台（仅供演示与测试）")
    parser.add_argument("--host", default="127.0.0.1", help="监听地址，默认只在本机")
    parser.add_argument("--port", type=int, default=8001, help="端口，默认 8001；0 为任意空闲端口")
    parser.add_argument("--store", type=Path, required=True, help="数据文件（SQLite），没有则新建")
    parser.add_argument("--token", required=True, help="上送方须出示的密钥")
    asked = parser.parse_args(argv)
    ended = threading.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, lambda *_: ended.set())
    try:
        server = serve(asked.host, asked.port, asked.store, asked.token)
    except (StoreError, ValueError) as error:
        print(f"沙盒省平台没有启动：{error}", file=sys.stderr)
        return 1
    except (OSError, OverflowError) as error:
        print(
            f"沙盒省平台没有启动：{asked.host} 的端口 {asked.port} 不能使用（{error}）。"
            "请关掉占用它的程序，或用 --port 换一个",
            file=sys.stderr,
        )
        return 1
    if not _is_loopback(asked.host):
        print("注意：沙盒省平台在本机以外也可见，任何人都能查看和改变它；只可用于演示网络", file=sys.stderr)
    server.start()
    print(f"沙盒省平台 {server.url}/", flush=True)
    ended.wait()
    server.stop()
    print("沙盒省平台已停止", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
