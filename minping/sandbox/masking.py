"""Personal fields are masked before they are kept: what is not stored cannot leak from a sandbox."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any


def name(value: str) -> str:
    """The first character stays: 张**."""
    return value[:1] + "*" * min(len(value) - 1, 2) if len(value) > 1 else "*" * len(value)


def phone(value: str) -> str:
    """First three and last four stay: 138****1234; a short number keeps its last two at most."""
    if len(value) >= 11:
        return value[:3] + "****" + value[-4:]
    return "****" + value[-2:] if len(value) > 4 else "****"


def certificate(value: str) -> str:
    """First three and last four stay, at full length: 350***********001X."""
    return value[:3] + "*" * (len(value) - 7) + value[-4:] if len(value) >= 12 else "*" * len(value)


_MASKS: tuple[tuple[re.Pattern[str], Callable[[str], str]], ...] = (
    (re.compile(r"(phone|mobile|telephone)$"), phone),
    (re.compile(r"(cert_no|certificate_no|cert_number|id_number)$"), certificate),
    # of persons only: item_name, organization_name or agent_point_name are no secrets
    (re.compile(r"^(applicant|agent|handler|rater|contact|user)s?_name$"), name),
)


def _clean(key: str, value: Any) -> Any:
    mask = next((mask for fits, mask in _MASKS if fits.search(key)), None)
    if mask is not None and value is not None:
        # what is no text (a number, a list) has no known shape to keep: hide all of it
        return mask(value) if isinstance(value, str) else "***"
    if isinstance(value, list):
        return [_clean(key, each) for each in value]
    if isinstance(value, dict):
        return {inner: _clean(f"{key}_{inner}", each) for inner, each in value.items()}
    return value


def masked(body: dict[str, Any]) -> dict[str, Any]:
    """A flat copy of a message body: names, phones and certificates of persons masked, all else untouched.

    A nested object becomes flat fields (applicant: {name} → applicant_name), so that the same rules see it.
    """
    flat: dict[str, Any] = {}
    for key, value in body.items():
        if isinstance(value, dict):
            flat.update(masked({f"{key}_{inner}": each for inner, each in value.items()}))
        else:
            flat[key] = _clean(key, value)
    return flat
