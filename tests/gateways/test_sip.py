"""The telephone gateway by itself: what was heard is never lost, never overtaken, never delivered by a stranger."""

from __future__ import annotations

import ast
import asyncio
import re
import socket
import stat
import tomllib
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from tests.support.services import ROOT
from tests.support.telephone import GATEWAY, Gateway, gateway, sipp

pytestmark = [pytest.mark.once]


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


def line(folder: Path, url: str, patience: float = 0.0) -> Any:
    from minping_sip.contract import Minping, Spool

    return Minping(url, "mp_test", Spool(folder), patience)


NOBODY = "http://127.0.0.1:9"


def test_an_event_is_on_disk_before_it_is_sent_and_gone_when_it_has_arrived(tmp_path: Path, desk: Any) -> None:
    kept = []

    async def story() -> None:
        minping = line(tmp_path, desk.url)
        post = minping._post

        async def watched(path: str, body: dict[str, Any]) -> Any:
            kept.extend(minping.spool.waiting())
            return await post(path, body)

        minping._post = watched
        await minping.event("c", 1, kind="key", key="4")
        assert minping.spool.waiting() == []

    run(story())
    ((_, call, told),) = kept
    assert (call, told["kind"], told["key"], told["step"]) == ("c", "key", "4", 1)
    assert desk.heard[0]["event_id"] == told["event_id"] and "late" not in desk.heard[0]


def test_what_could_not_be_sent_waits_in_order_and_arrives_marked_late_under_its_own_id(
    tmp_path: Path, desk: Any
) -> None:
    from minping_sip.contract import Away

    async def story() -> None:
        away = line(tmp_path, NOBODY)
        for kind in ("key", "hung_up"):
            with pytest.raises(Away):
                await away.event("c", 1, kind=kind)
        again = line(tmp_path, desk.url)  # a new process finds what the old one kept
        ids = [told["event_id"] for _, _, told in again.spool.waiting()]
        assert await again.deliver() == 2
        assert [one["event_id"] for one in desk.heard] == ids
        assert [(one["kind"], one["late"]) for one in desk.heard] == [("key", True), ("hung_up", True)]
        assert again.spool.waiting() == []

    run(story())


def test_a_later_event_never_overtakes_an_earlier_one_of_its_call(tmp_path: Path, desk: Any) -> None:
    from minping_sip.contract import Away

    async def story() -> None:
        with pytest.raises(Away):
            await line(tmp_path, NOBODY).event("c", 1, kind="key", key="5")
        back = line(tmp_path, desk.url)
        with pytest.raises(Away):  # the end of the call would close it before the key is told
            await back.event("c", 1, kind="hung_up")
        await back.event("another", 1, kind="key", key="1")
        assert [one["path"].split("/")[4] for one in desk.heard] == ["another"]
        await back.deliver()
        assert [one["kind"] for one in desk.heard] == ["key", "key", "hung_up"]

    run(story())


@pytest.mark.parametrize(
    ("status", "kept"), [(401, True), (403, True), (429, True), (503, True), (409, False), (422, False)]
)
def test_only_what_is_wrong_in_itself_is_put_apart(tmp_path: Path, desk: Any, status: int, kept: bool) -> None:
    from minping_sip.contract import Away, Refused

    desk.status, desk.code = status, "call_over"

    async def story() -> None:
        minping = line(tmp_path, desk.url)
        with pytest.raises(Away if kept else Refused):
            await minping.event("c", 1, kind="key", key="5")
        assert len(minping.spool.waiting()) == kept
        assert len(list(minping.spool.refused.glob("*.json"))) == (not kept)

    run(story())


def test_a_page_of_some_proxy_between_is_no_refusal_of_ours(tmp_path: Path) -> None:
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
    from threading import Thread

    from minping_sip.contract import Away

    proxy = ThreadingHTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler)  # answers 501 to a POST, as HTML
    Thread(target=proxy.serve_forever, daemon=True).start()
    try:
        minping = line(tmp_path, f"http://127.0.0.1:{proxy.server_port}")
        with pytest.raises(Away):
            run(minping.event("c", 1, kind="key", key="5"))
        assert len(minping.spool.waiting()) == 1
    finally:
        proxy.shutdown()
        proxy.server_close()


def test_what_is_kept_is_for_its_owner_only_and_holds_no_number(tmp_path: Path) -> None:
    from minping_sip.contract import Away

    async def story() -> None:
        minping = line(tmp_path, NOBODY)
        with pytest.raises(Away):
            await minping.start("in-1", "13800000000")
        with pytest.raises(Away):
            await minping.event("c", 1, kind="key", key="5")

    run(story())
    (file,) = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert "13800000000" not in file.read_text()


INVITE = """INVITE sip:rate@127.0.0.1 SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{port}
From: <sip:13800000000@127.0.0.1>;tag=a
To: <sip:rate@127.0.0.1>
Call-ID: call-{port}@127.0.0.1
CSeq: 1 INVITE
Contact: <sip:13800000000@127.0.0.1:{port}>
Max-Forwards: 70
Content-Length: 0

"""


def invited(to: Gateway, sends: int = 1) -> list[int]:
    """The final answers to an INVITE without sound, sent so many times."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind(("127.0.0.1", 0))
        phone.settimeout(3)
        message = INVITE.format(port=phone.getsockname()[1]).replace("\n", "\r\n").encode()
        for _ in range(sends):
            phone.sendto(message, ("127.0.0.1", to.port))
        codes = []
        try:
            while True:
                status = int(phone.recv(4096).split()[1])
                if status >= 200:
                    codes.append(status)
                    phone.settimeout(0.5)
        except TimeoutError:
            return codes


def test_only_the_telephone_servers_named_may_bring_calls_for_they_vouch_for_the_number(desk: Any) -> None:
    with gateway(desk.url, "k", sip='peers = ["127.0.0.99"]') as strict:
        assert invited(strict) == [403]
        assert desk.heard == [] and "13800000000" not in strict.said()


def test_when_all_lines_are_taken_a_further_caller_hears_that_they_are(desk: Any) -> None:
    with gateway(desk.url, "k", sip="lines = 0") as full:
        assert invited(full) == [486]


def test_rubbish_on_the_port_ends_nothing(desk: Any) -> None:
    with gateway(desk.url, "k") as made:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
            for rubbish in (b"", b"\0" * 2000, b"INVITE", b"INVITE sip:x SIP/2.0\r\n\r\n", b"SIP/2.0 200 OK\r\n\r\n"):
                phone.sendto(rubbish, ("127.0.0.1", made.port))
        assert invited(made, sends=2) == [488]  # a call without sound; the same INVITE twice is one call
        assert made.stop() == 0


def test_keys_from_anywhere_but_the_telephone_server_are_not_heard() -> None:
    from minping_sip.media import Media, Session

    async def story() -> list[str]:
        session = await Session.create(local_addr=("127.0.0.1", 0), remote_addr=("127.0.0.1", 9), payload_type=8)
        assert isinstance(session, Session)
        session.trusted = frozenset({"127.0.0.1"})
        media, heard = Media(session), []
        for host, key in (("127.0.0.66", 1), ("127.0.0.1", 5)):
            packet = b"\x80\x65" + bytes([0, key, 0, 0, 0, key, 0, 0, 0, 1]) + bytes([key, 0x8A, 3, 32])
            session._handle_rtp(packet, (host, 4000))
        heard.append(await asyncio.wait_for(media.key(), 5))
        assert media._keys.empty()
        await media.close()
        return heard

    assert run(story()) == ["5"]


def test_a_setting_that_is_wrong_is_named_in_one_sentence(tmp_path: Path) -> None:
    from minping_sip.config import Misconfigured, read

    file = tmp_path / "gateway.toml"
    for text, words in (
        ("", "缺少 url"),
        ('[minping]\nurl = "http://x"\nkey_file = "none"', "读不了"),
        ("[minping", "读不了"),
    ):
        file.write_text(text, "utf-8")
        with pytest.raises(Misconfigured, match=words):
            read(file)
    (tmp_path / "key").write_text("k", "utf-8")
    file.write_text('[minping]\nurl = "http://x"\nkey_file = "key"\n[sip]\nlisten = "5060"', "utf-8")
    with pytest.raises(Misconfigured, match="主机:端口"):
        read(file)


def test_the_example_settings_are_settings() -> None:
    text = (GATEWAY / "gateway.example.toml").read_text("utf-8")
    full = re.sub(r"(?m)^# (\[|\w+ = )", r"\1", text)
    told = tomllib.loads(full)
    assert {"minping", "sip", "register", "outgoing", "folder"} == set(told)


def test_the_gateway_is_a_program_of_its_own() -> None:
    """It imports nothing of 民评, 民评 nothing of it; what it needs is locked to what is tested."""
    for file in (GATEWAY / "minping_sip").glob("*.py"):
        names = {
            alias.name for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.Import)
            for alias in node.names
        } | {node.module or "" for node in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(node, ast.ImportFrom)}  # fmt: skip
        assert not any(name == "minping" or name.startswith(("minping.", "django")) for name in names), file
    run_lock = (ROOT / "requirements.lock").read_text("utf-8")
    assert "aiosipua" not in run_lock and "aiortp" not in run_lock
    tested = (ROOT / "requirements-dev.lock").read_text("utf-8")
    assert (GATEWAY / "requirements.txt").read_text("utf-8") in tested


def test_the_voice_speaks_and_a_sentence_is_made_once(tmp_path: Path) -> None:
    sipp()
    from minping_sip.config import Config
    from minping_sip.speech import Mute, Voice, loud, tone

    async def story() -> None:
        voice = Voice(Config("", "", tmp_path).speak, tmp_path)
        first = await voice.sound(["您好。", "谢谢您，再见。"])
        assert len(first) > 16000 and loud(first[2000:10000])
        dumb = Voice(("/nowhere/speech",), tmp_path)
        with pytest.raises(Mute, match="请装上"):
            await dumb.sound(["您好。"])
        assert await voice.sound(["您好。", "谢谢您，再见。"]) == first
        assert len(list((tmp_path / "speech").glob("*.raw"))) == 2

    run(story())
    assert loud(tone()) and not loud(b"\0" * 3200)
