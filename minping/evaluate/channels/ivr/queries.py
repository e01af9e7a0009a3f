"""Reads of the channel: the recordings of what a person said on the telephone."""

from __future__ import annotations

from minping.evaluate.channels.ivr.models import Call
from minping.evaluate.models import Service
from minping.kernel import privacy


def recordings_of(service: Service) -> list[str]:
    """The telephone system's references of the recordings about this service.

    A voice tells who it is: only for those for whom the identity has just been opened, on record.
    """
    calls = Call.objects.filter(service=service, rating__isnull=False, said__isnull=False).order_by("started_at")
    said = (privacy.unseal_json(bytes(call.said or b""), call.place) for call in calls)
    return [one["recording"] for one in said if one["recording"]]
