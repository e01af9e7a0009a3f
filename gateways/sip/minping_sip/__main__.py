"""`python -m minping_sip gateway.toml`: one line, until Ctrl-C or a signal to end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import sys
from pathlib import Path

from minping_sip.config import Config, Misconfigured, read
from minping_sip.contract import Minping, Spool
from minping_sip.line import Line
from minping_sip.speech import Mute, Voice
from minping_sip.talk import AWAY_FIRST, AWAY_LATER, TROUBLE

log = logging.getLogger("minping_sip")


async def run(config: Config) -> None:
    config.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    voice = Voice(config.speak, config.folder)
    for sentence in (AWAY_FIRST, AWAY_LATER, TROUBLE):  # what must be sayable when nothing else works
        await voice.sound([sentence])
    minping = Minping(config.url, config.key, Spool(config.folder), config.patience)
    line = Line(config, minping, voice)
    await line.start()
    work: list[asyncio.Task[None]] = [asyncio.create_task(minping.deliver_forever())]
    if config.outgoing is not None:
        work.append(asyncio.create_task(line.call_forever()))
    ended = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, ended.set)
    print(f"电话网关已就绪：{config.listen[0]}:{config.listen[1]}", flush=True)
    stop = asyncio.create_task(ended.wait())
    await asyncio.wait([stop, *work], return_when=asyncio.FIRST_COMPLETED)
    broken = [task for task in work if task.done()]
    for task in work:
        task.cancel()
    await line.stop()
    for task in broken:
        task.result()


def main() -> int:
    if len(sys.argv) != 2:
        print("用法：python -m minping_sip 设置文件.toml", file=sys.stderr)
        return 2
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    # The libraries' own lines name telephone numbers; only their troubles are wanted.
    logging.getLogger("aiosipua").setLevel(logging.ERROR)
    logging.getLogger("aiortp").setLevel(logging.WARNING)
    try:
        config = read(Path(sys.argv[1]))
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(run(config))
    except (Misconfigured, Mute) as wrong:
        print(wrong, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
