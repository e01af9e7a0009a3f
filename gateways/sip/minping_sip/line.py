"""The SIP side: calls that come in, calls that we make, and their ends."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
from collections.abc import Callable
from typing import Any

from aiosipua import IncomingCall, Registration, SipDigestAuth, SipUAC, SipUAS, build_sdp
from aiosipua.headers import parse_uri
from aiosipua.sdp import SdpMessage, negotiate_sdp
from aiosipua.sdp_negotiate import SdpNegotiationError
from aiosipua.transport import SipTransport, TcpSipTransport

from minping_sip.config import Account, Address, Config
from minping_sip.contract import Away, Minping, Refused
from minping_sip.media import Media, Session
from minping_sip.speech import Mute, Voice
from minping_sip.talk import AWAY_FIRST, TROUBLE, Talk
from minping_sip.udp import Udp

log = logging.getLogger("minping_sip")
PCMU, PCMA, EVENTS = 0, 8, 101
AGENT = "minping-sip"


def _digest(account: Account | None) -> SipDigestAuth | None:
    return SipDigestAuth(account.user, account.password) if account else None


def _events_of(sdp: SdpMessage) -> int:
    """The payload type under which the other side sends its keys; 0 where it offers none."""
    codecs = sdp.audio.codecs if sdp.audio else []
    return next((c.payload_type for c in codecs if c.encoding_name.lower() == "telephone-event"), 0)


def caller_of(call: IncomingCall) -> str:
    """The caller's number as the trusted server asserts it (RFC 3325), else as the caller says; "" where withheld."""
    asserted = call.invite.get_header("p-asserted-identity") or ""
    uri = asserted.split("<")[-1].split(">")[0] or call.caller
    try:
        return parse_uri(uri).user or ""
    except ValueError:
        return ""


class Busy(Exception):
    """No port is free for another call."""


def _is_free(address: Address) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in address[0] else socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(address)
        except OSError:
            return False
    return True


class Line:
    """Everything on one SIP port.  At most `lines` calls at once; a further one hears that all are busy."""

    def __init__(self, config: Config, minping: Minping, voice: Voice) -> None:
        self.config, self.minping, self.voice = config, minping, voice
        kind: type[SipTransport] = {"udp": Udp, "tcp": TcpSipTransport}[config.transport]
        seen = (config.advertise, config.listen[1]) if config.advertise else None
        transport = kind(local_addr=config.listen)
        self.uac = SipUAC(transport, advertised_addr=seen)
        self.uas = SipUAS(transport, user_agent=AGENT, uac=self.uac, advertised_addr=seen)
        self.uas.on_invite = self._rings
        self.uas.on_bye = self._bye
        self.uas.on_ack_timeout = lambda call: self._gone(call.call_id)
        self._media: dict[str, Media] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._port = config.ports[0]

    async def start(self) -> None:
        await self.uas.start()
        if (to := self.config.register) is not None:
            Registration(self.uac, to.aor, to.registrar, auth=_digest(to.account), user_agent=AGENT).register()

    async def stop(self) -> None:
        """Hang up what is still open; what was heard has been reported or kept."""
        for media in self._media.values():
            media.gone.set()
        if self._tasks:
            _, late = await asyncio.wait(list(self._tasks.values()), timeout=self.config.patience + 5)
            for task in late:
                task.cancel()
        await self.uas.stop()

    def _keep(self, name: str, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks[name] = task
        task.add_done_callback(lambda _: self._tasks.pop(name, None))

    def _bye(self, call: IncomingCall, _: Any) -> None:
        self._gone(call.call_id)

    def _gone(self, call_id: str) -> None:
        if (media := self._media.get(call_id)) is not None:
            media.gone.set()

    async def _open(self, call_id: str, to: Address, payload: int, events: int, port: int) -> Media:
        session = await Session.create(
            local_addr=(self.config.listen[0], port), remote_addr=to, payload_type=payload,
            dtmf_payload_type=events or EVENTS,
        )  # fmt: skip
        assert isinstance(session, Session)
        session.trusted = self.config.peers | {to[0]}
        self._media[call_id] = media = Media(session)
        return media

    def _free_port(self) -> int:
        """The next even port of the range that is free with the odd one after it.  Raises Busy."""
        first, last = self.config.ports
        for _ in range(first, last + 1, 2):
            port, self._port = self._port, first if self._port + 2 > last else self._port + 2
            if all(_is_free((self.config.listen[0], one)) for one in (port, port + 1)):
                return port
        raise Busy

    # --- calls that come in -------------------------------------------------------------------------

    def _rings(self, call: IncomingCall) -> None:
        if call.call_id in self._tasks or call.call_id in self._media:
            return  # the same INVITE again, on its way before our answer arrived
        if call.source_addr[0] not in self.config.peers:
            log.warning("a call from %s, which is no peer, was refused", call.source_addr[0])
            call.reject(403)
        elif len(self._tasks) >= self.config.lines:
            call.reject(486)
        else:
            self._keep(call.call_id, self._take(call))

    async def _take(self, call: IncomingCall) -> None:
        name = call.call_id
        try:
            if call.sdp_offer is None or call.sdp_offer.rtp_address is None:
                return call.reject(488)
            events, port = _events_of(call.sdp_offer), self._free_port()
            try:
                answer, payload = negotiate_sdp(
                    call.sdp_offer, self.config.advertise or self.config.listen[0], port, [PCMU, PCMA],
                    dtmf_payload_type=events,
                )  # fmt: skip
            except SdpNegotiationError:
                return call.reject(488)
            media = await self._open(name, call.sdp_offer.rtp_address, payload, events, port)
            call.accept(answer)
            await self._speak_with(self._talk(media, call.hangup), caller_of(call))
        except Busy:
            call.reject(486)
        except Mute as mute:
            log.error("%s", mute)
        finally:
            call.hangup()
            self.uas._calls.pop(name, None)  # the library forgets only the calls that the other side ends
            await self._close(name)
        return None

    def _talk(self, media: Media, hang_up: Callable[[], object]) -> Talk:
        return Talk(media, self.minping, self.voice, self.config.folder, hang_up)

    async def _speak_with(self, talk: Talk, caller: str) -> None:
        try:
            turn = await self.minping.start(f"in-{secrets.token_hex(12)}", caller)
        except Away:
            return await talk.apologise(AWAY_FIRST)
        except Refused as refused:
            log.error("a call could not begin: %s", refused.code)
            return await talk.apologise(TROUBLE)
        await talk.run(turn)
        return None

    async def _close(self, name: str) -> None:
        if (media := self._media.pop(name, None)) is not None:
            await media.close()

    # --- calls that we make -------------------------------------------------------------------------

    async def call_forever(self) -> None:
        """Ask for the next call, make it, and so on; whom, is never ours to say."""
        assert self.config.outgoing is not None
        while True:
            try:
                port = self._free_port()
                turn = await self.minping.next(f"out-{secrets.token_hex(12)}")
            except (Away, Refused, Busy) as nobody:
                log.debug("nobody to call: %s", nobody)
                await asyncio.sleep(self.config.outgoing.poll)
                continue
            await self._call(turn, port)

    async def _call(self, turn: dict[str, Any], port: int) -> None:
        out = self.config.outgoing
        assert out is not None
        number = turn.pop("phone")
        offer = build_sdp(self.config.advertise or self.config.listen[0], port, PCMA, "PCMA", dtmf_payload_type=EVENTS)
        host = f"{out.to[0]}:{out.to[1]}"
        call = self.uac.send_invite(
            out.caller, f"sip:{out.prefix}{number}@{host}", out.to, offer, user_agent=AGENT, auth=_digest(out.account)
        )
        media: Media | None = None

        def hang_up() -> None:
            if media is None or not media.gone.is_set():
                call.hangup(self.uac)

        try:
            await call.wait_answered(min(out.ring, turn["seconds"]))
            if call.sdp_answer is None or call.sdp_answer.rtp_address is None:
                raise RuntimeError("answered without a place for sound")
            media = await self._open(call.call_id, call.sdp_answer.rtp_address, PCMA, _events_of(call.sdp_answer), port)
            await self._speak_to(self._talk(media, hang_up), turn)
        except (TimeoutError, RuntimeError) as nobody:
            log.info("call %s: not answered (%s)", turn["call"], type(nobody).__name__)
        except Mute as mute:
            log.error("%s", mute)
        finally:
            if call.cancel(self.uac):
                call.on_answer = lambda late: late.hangup(self.uac)  # picked up in the very moment of giving up
            hang_up()
            await self._close(call.call_id)
            if media is None:
                await self._no_answer(turn)

    async def _speak_to(self, talk: Talk, turn: dict[str, Any]) -> None:
        try:
            turn = await self.minping.event(turn["call"], turn["step"], kind="answered")
        except (Away, Refused):
            return await talk.apologise(TROUBLE)
        await talk.run(turn)
        return None

    async def _no_answer(self, turn: dict[str, Any]) -> None:
        try:
            await self.minping.event(turn["call"], turn["step"], kind="hung_up")
        except (Away, Refused) as failure:
            log.warning("call %s: its end is reported later (%s)", turn["call"], failure)
