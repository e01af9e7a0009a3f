"""Many tablets on open lines, in a process of their own: cookies from standard input, the times of events to output."""

from __future__ import annotations

import asyncio
import json
import sys
import time


async def line(
    port: int, secret: str, number: int, started: asyncio.Semaphore, seen: dict[str, tuple[int, float]]
) -> None:
    """One device: reads its line for ever and notes when each event arrived."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"GET /tablet/stream HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nCookie: mp_device={secret}\r\n\r\n"
    writer.write(head.encode())
    await reader.readuntil(b"\r\n\r\n")
    started.release()
    while True:
        text = (await reader.readline()).decode()
        if not text:
            raise SystemExit("线路断了")
        if text.startswith("data: "):
            seen[json.loads(text[6:])["case_tail"]] = (number, time.time())


async def main() -> None:
    port, secrets = int(sys.argv[1]), json.loads(sys.stdin.readline())
    started, seen = asyncio.Semaphore(0), dict[str, tuple[int, float]]()
    lines = [asyncio.create_task(line(port, secret, n, started, seen)) for n, secret in enumerate(secrets)]
    for _ in secrets:
        await started.acquire()
    print("connected", flush=True)
    # Until we are told how many to wait for, and they are here (or half a minute has passed).
    wanted = int(await asyncio.to_thread(sys.stdin.readline))
    for _ in range(300):
        if len(seen) >= wanted:
            break
        await asyncio.sleep(0.1)
    print(json.dumps(seen))
    for one in lines:
        one.cancel()


if __name__ == "__main__":
    asyncio.run(main())
