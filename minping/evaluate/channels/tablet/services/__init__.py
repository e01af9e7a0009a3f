"""The duties around a tablet, one file each."""

from minping.evaluate.channels.tablet.services.check import checks_note
from minping.evaluate.channels.tablet.services.offer import offers_make, offers_withdraw, reason_ask
from minping.evaluate.channels.tablet.services.pairing import (
    DeviceUnknown,
    PairingRefused,
    credential_find,
    credential_revoke,
    credential_seen,
    device_pair,
    pairing_start,
)
from minping.evaluate.channels.tablet.services.told import Entry, Report, report_take

__all__ = [
    "DeviceUnknown",
    "Entry",
    "PairingRefused",
    "Report",
    "checks_note",
    "credential_find",
    "credential_revoke",
    "credential_seen",
    "device_pair",
    "offers_make",
    "offers_withdraw",
    "pairing_start",
    "reason_ask",
    "report_take",
]
