"""A real short message gateway on loopback: Debian's Kannel with its fake centre as the telephone network."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import unquote_to_bytes

from tests.support.services import free_port, require

FAKESMSC = "/usr/lib/kannel/test/fakesmsc"
PASSWORD = "only-in-tests"

CORE = """
group = core
admin-port = {admin}
admin-interface = 127.0.0.1
admin-password = {password}
smsbox-port = {smsbox}
smsbox-interface = 127.0.0.1
log-file = "{folder}/bearerbox.log"
log-level = 0
dlr-storage = internal

group = smsc
smsc = fake
smsc-id = fake
port = {centre}
connect-allow-ip = 127.0.0.1

group = smsbox
bearerbox-host = 127.0.0.1
sendsms-port = {sendsms}
sendsms-interface = 127.0.0.1
log-file = "{folder}/smsbox.log"
log-level = 0

group = sendsms-user
username = minping
password = {password}
concatenation = true
max-messages = 10

group = sms-service
keyword = default
catch-all = true
post-url = "http://gateway:{password}@127.0.0.1:{web}/sms/kannel/reply"
send-sender = true
max-messages = 0
omit-empty = true
assume-plain-text = true
"""


class Kannel:
    """bearerbox, smsbox and a phone.  `settings` is what `[sms]` of minping.toml must say."""

    def __init__(self, web: int) -> None:
        require("kannel")
        self.folder = Path(tempfile.mkdtemp(prefix="minping-kannel-"))
        self.ports = {name: free_port() for name in ("admin", "smsbox", "centre", "sendsms")}
        self.config = self.folder / "kannel.conf"
        self.config.write_text(CORE.format(folder=self.folder, password=PASSWORD, web=web, **self.ports), "utf-8")
        self.web = web
        self.processes: list[subprocess.Popen[bytes]] = []
        self.phones = 0

    @property
    def settings(self) -> dict[str, str]:
        return {
            "gateway": "kannel",
            "url": f"http://127.0.0.1:{self.ports['sendsms']}/cgi-bin/sendsms",
            "username": "minping",
            "password": PASSWORD,
            "sender": "10690000",
            "callback": f"http://gateway:{PASSWORD}@127.0.0.1:{self.web}",
            "callback_password": PASSWORD,
        }

    def __enter__(self) -> Kannel:
        self._run("/usr/sbin/bearerbox", str(self.config), port=self.ports["smsbox"])
        self._run("/usr/sbin/smsbox", str(self.config), port=self.ports["sendsms"])
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self.processes):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
                try:
                    process.wait(5)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)

    def _run(self, *command: str, port: int = 0, out: Path | None = None) -> subprocess.Popen[bytes]:
        with (out or self.folder / "out.log").open("ab") as stream:
            process = subprocess.Popen(
                command, stdout=stream, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True
            )
        self.processes.append(process)
        end = time.monotonic() + 20
        while port:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            assert process.poll() is None and time.monotonic() < end, (self.folder / "out.log").read_text()[-2000:]
            time.sleep(0.1)
        return process

    def phone(self, *says: str, number: str = "13800000000") -> Phone:
        """A phone that is switched on: it says each of `says` in turn, and hears what is sent to it."""
        self.phones += 1
        heard = self.folder / f"phone-{self.phones}.log"
        messages = [f"{number} 10690000 text {words}" for words in says] or [f"{number} 10690000 text -"]
        process = self._run(
            FAKESMSC, "-H", "127.0.0.1", "-r", str(self.ports["centre"]), "-i", "0.3", "-m", str(len(says)), *messages,
            out=heard,
        )  # fmt: skip
        return Phone(process, heard)


class Phone:
    def __init__(self, process: subprocess.Popen[bytes], heard: Path) -> None:
        self.process, self.file = process, heard

    def heard(self) -> list[str]:
        """The texts that arrived, parts put together, in the order of their arrival."""
        texts: dict[str, dict[int, str]] = {}
        for line in self.file.read_bytes().decode("utf-8", "replace").splitlines():
            parts = re.search(r"Got message (\d+): <\d+ \d+ (?:udh (\S+) )?data (.*)>$", line)
            if not parts:
                continue
            words = unquote_to_bytes(parts[3].replace("+", "%20")).decode("utf-16-be", "replace")
            head = unquote_to_bytes(parts[2] or "")
            name, place = (head[3:4].hex(), head[5]) if len(head) > 5 else (f"only {parts[1]}", 1)
            texts.setdefault(name, {})[place] = words
        return ["".join(text[place] for place in sorted(text)) for text in texts.values()]

    def off(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGTERM)
            self.process.wait(5)
