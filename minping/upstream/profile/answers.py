"""What an answer means, by the province's table; what is in no row is unknown, and unknown means stop and tell."""

from __future__ import annotations

from minping.upstream.profile.model import Profile


def classify(profile: Profile, *, code: str, text: str, call: str = "") -> str:
    """accepted, already, never, later, clock or unknown.

    Rows are tried in their order; a row with code and text needs both; a row for one
    call counts only there (two calls of one system may differ: failures.md B26).
    """
    for rule in profile.answers:
        if rule.call is not None and rule.call != call:
            continue
        if rule.code is not None and rule.code != code:
            continue
        if rule.text is not None and rule.text not in text:
            continue
        return rule.kind
    return "unknown"
