"""Jobs of the channel."""

from __future__ import annotations

from minping.evaluate.channels.sms.services.invite import BATCH, invitations_make
from minping.evaluate.channels.sms.services.send import texts_send
from minping.kernel import clock
from minping.kernel.jobs import Job


def _invite() -> bool:
    return invitations_make(at=clock.now()) == BATCH


def _send() -> bool:
    return texts_send(at=clock.now())


JOBS = (Job("sms_invite", "短信邀请", 5.0, _invite), Job("sms_send", "发短信", 1.0, _send, parallel=True))
