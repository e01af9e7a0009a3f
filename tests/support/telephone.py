"""Real telephones on loopback: Debian's SIPp as the phone, the gateway of `gateways/sip` as the hotline's line."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

from tests.support.services import ROOT, free_port, refuse, require

GATEWAY = ROOT / "gateways" / "sip"
SOUND = 30  # G.711 packets of a voice that make a spoken word, 20 ms each

HEADERS = """Via: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]
From: <sip:{caller}@[local_ip]:[local_port]>;tag=[pid]t[call_number]
To: <sip:rate@[remote_ip]:[remote_port]>{tag}
Call-ID: [call_id]
CSeq: {number} {method}
Contact: <sip:{caller}@[local_ip]:[local_port]>
Max-Forwards: 70
"""
# SIPp sends its keys as payload type 96, whatever the description says; it holds the ports from media_port to
# media_port+3 itself, so the ear is a little above.
SDP = """v=0
o=- 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio [media_port+8] RTP/AVP 0 96
a=rtpmap:0 PCMU/8000
a=rtpmap:96 telephone-event/8000
a=fmtp:96 0-15
"""
REPLY = """SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]{tag}
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:phone@[local_ip]:[local_port]>
"""


def _send(text: str, body: str = "", more: str = "") -> str:
    kind = "Content-Type: application/sdp\n" if body else ""
    return f"<send{more}><![CDATA[\n{text}{kind}Content-Length: [len]\n\n{body}\n]]></send>\n"


def _keys(steps: Sequence[tuple[float, str]]) -> str:
    press = "<nop><action><exec play_dtmf={}/></action></nop>\n"
    return "".join(
        f'<pause milliseconds="{int(wait * 1000)}"/>\n' + (press.format(quoteattr(key)) if key else "")
        for wait, key in steps
    )


def _calls(caller: str, steps: Sequence[tuple[float, str]], hangs_up: bool) -> str:
    def head(method: str, number: int, tag: str = "[peer_tag_param]") -> str:
        first = f"{method} sip:rate@[remote_ip]:[remote_port] SIP/2.0\n"
        return first + HEADERS.format(caller=caller, method=method, number=number, tag=tag)

    start = (
        _send(head("INVITE", 1, ""), SDP, ' retrans="500"')
        + '<recv response="100" optional="true"/><recv response="180" optional="true"/><recv response="200"/>\n'
        + _send(head("ACK", 1))
        + _keys(steps)
    )
    bye = _send(head("BYE", 2), "", ' retrans="500"') + '<recv response="200"/>\n'
    waits = '<recv request="BYE"/>\n' + _send(REPLY.format(tag=""))
    return start + (bye if hangs_up else waits)


def _answers(steps: Sequence[tuple[float, str]]) -> str:
    answer = REPLY.format(tag=";tag=[pid]t[call_number]")
    return (
        '<recv request="INVITE"/>\n'
        + _send(answer, SDP, ' retrans="500"')
        + '<recv request="ACK"/>\n'
        + _keys(steps)
        + '<recv request="BYE"/>\n'
        + _send(REPLY.format(tag=""))
    )


class Ear:
    """Where the phone hears and whence it speaks: counts the packets in which somebody speaks."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self.voiced: list[float] = []
        self.other: tuple[str, int] | None = None
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                packet, self.other = self._socket.recvfrom(2048)
            except OSError:
                return
            # In G.711 µ-law a silent sample is 0xff or 0x7f, and a loud one is far from both.
            if sum(byte & 0x7F < 0x60 for byte in packet[12:]) > 20:
                self.voiced.append(time.monotonic())

    def speak(self, seconds: float) -> None:
        """A voice of so many seconds (loud µ-law, 20 ms a packet) to where we are spoken to from."""
        due = time.monotonic()
        for number in range(int(seconds * 50)):
            head = struct.pack("!BBHII", 0x80, 0, number & 0xFFFF, number * 160, 0x0F0E0D0C)
            if self.other is not None:
                self._socket.sendto(head + b"\x10\x90" * 80, self.other)
            due += 0.02
            time.sleep(max(0.0, due - time.monotonic()))

    def close(self) -> None:
        self._socket.close()


def sipp() -> str:
    require("telephone")
    if os.geteuid() != 0:
        refuse("SIPp 发按键要 root")
    found = shutil.which("sipp")
    if found is None or shutil.which("espeak-ng") is None or shutil.which("sox") is None:
        refuse("没有 SIPp、espeak-ng 或 sox：请用 make test 运行，它会装上")
    return found


class Phone:
    """One phone, in one call: presses keys, each after some seconds, and hangs up or waits for the other side to."""

    def __init__(self, scenario: str, ear: Ear, to: str = "", port: int = 0) -> None:
        self.ear, self.port = ear, port or free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="minping-phone-"))
        script = self.folder / "call.xml"
        script.write_text(f'<?xml version="1.0"?>\n<scenario name="call">\n{scenario}</scenario>\n', "utf-8")
        command = [
            sipp(), "-sf", str(script), "-i", "127.0.0.1", "-p", str(self.port), "-mi", "127.0.0.1", "-mp",
            str(ear.port - 8), "-m", "1", "-nostdin", "-timeout", "60s", "-trace_err", "-error_file",
            str(self.folder / "errors.log"), *([to] if to else []),
        ]  # fmt: skip
        self.log = (self.folder / "out.log").open("wb")
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=subprocess.STDOUT, cwd=self.folder,
            start_new_session=True,
        )  # fmt: skip

    @classmethod
    def calls(cls, to: str, caller: str, *steps: tuple[float, str], hangs_up: bool = False) -> Phone:
        ear = Ear()
        return cls(_calls(caller, steps, hangs_up), ear, to)

    @classmethod
    def answers(cls, port: int, *steps: tuple[float, str]) -> Phone:
        ear = Ear()
        return cls(_answers(steps), ear, port=port)

    def ended(self, seconds: float = 60.0) -> Phone:
        """Wait until the call is over, in good order for SIP; otherwise fail with what SIPp wrote."""
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            code = self.process.wait()
        self.log.close()
        self.ear.close()
        errors = self.folder / "errors.log"
        told = errors.read_text(errors="replace")[-2000:] if errors.exists() else ""
        assert code == 0, (
            f"SIPp 以 {code} 结束：{told}\n{(self.folder / 'out.log').read_text(errors='replace')[-3000:]}"
        )
        return self


class Gateway:
    """The gateway as its operator starts it: a process of its own, with its file of settings."""

    def __init__(self, url: str, key: str, outgoing: str = "", sip: str = "") -> None:
        sipp()  # it speaks, which needs the same Debian packages
        self.folder = Path(tempfile.mkdtemp(prefix="minping-gateway-"))
        self.port, start = free_port(), 30000 + free_port() % 20000 // 2 * 2
        (self.folder / "key").write_text(key, "utf-8")
        fast = ["espeak-ng", "-v", "cmn", "-s", "450", "--stdin", "--stdout"]  # tests listen faster than people
        (self.folder / "gateway.toml").write_text(
            f'speak = {json.dumps(fast)}\n[minping]\nurl = "{url}"\nkey_file = "key"\npatience = 2\n'
            f'[sip]\nlisten = "127.0.0.1:{self.port}"\nrtp_ports = [{start}, {start + 40}]\n{sip}\n{outgoing}',
            "utf-8",
        )
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> Gateway:
        self.log = (self.folder / "gateway.log").open("ab")
        env = {**os.environ, "PYTHONPATH": str(GATEWAY)}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "minping_sip", str(self.folder / "gateway.toml")], env=env, stdout=self.log,
            stderr=self.log, stdin=subprocess.DEVNULL, cwd=self.folder,
        )  # fmt: skip
        end = time.monotonic() + 30
        while "已就绪" not in self.said():
            assert self.process.poll() is None and time.monotonic() < end, self.said()
            time.sleep(0.1)
        return self

    def said(self) -> str:
        return (self.folder / "gateway.log").read_text(errors="replace")

    def kept(self) -> list[Path]:
        """Events that wait to be handed over."""
        return sorted((self.folder / "data" / "spool").glob("*.json"))

    def recordings(self) -> list[Path]:
        return sorted((self.folder / "data" / "recordings").glob("*.wav"))

    def stop(self, how: int = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        code = self.process.wait(timeout=20)
        self.log.close()
        return code


@contextmanager
def gateway(url: str, key: str, **more: Any) -> Iterator[Gateway]:
    """A running gateway that ends with the block."""
    made = Gateway(url, key, **more).start()
    try:
        yield made
    finally:
        if made.process is not None and made.process.poll() is None:
            made.stop()
