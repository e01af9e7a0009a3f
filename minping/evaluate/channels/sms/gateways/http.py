"""One HTTP request to a gateway, and what its failure means for the text."""

from __future__ import annotations

from collections.abc import Mapping

import urllib3

from minping.evaluate.channels.sms.gateways import Later, Unsure

_pool = urllib3.PoolManager(timeout=urllib3.Timeout(connect=5.0, read=20.0), retries=False, maxsize=8)


def post(url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, str] | Later | Unsure:
    """Status and body; `Later` where nothing can have arrived, `Unsure` where it may have.

    Nothing personal stands in the address: number and words travel in header and body.
    """
    try:
        answer = _pool.request("POST", url, body=body, headers=dict(headers), redirect=False)
    except (urllib3.exceptions.NewConnectionError, urllib3.exceptions.ConnectTimeoutError):
        return Later("连不上短信网关")
    except urllib3.exceptions.HTTPError as failure:
        return Unsure(f"短信网关没有回音（{type(failure).__name__}）")
    return answer.status, answer.data.decode("utf-8", "replace")
