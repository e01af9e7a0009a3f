"""The faces of one invitation (minan/3.4.0-3.4.2): a folder per channel, and the list of them.

Whatever the channel, it is the same invitation, the same tiles and tags, the same
`rating_give` and the same record.  A folder holds what only that face needs: its
pages, its API, its own tables, its messages.  How to add one: docs/channels.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class Channel:
    """A folder under `evaluate/channels/`: which of the site's tables it takes part in.

    `app`: it has tables or templates of its own and is a Django app.  `pages`: it has
    `urls.py`.  `api`: it has `api.py` with a `router` under /api/v1.
    """

    name: str
    app: bool = True
    pages: bool = True
    api: bool = False

    @property
    def module(self) -> str:
        return f"{__name__}.{self.name}"


CHANNELS: tuple[Channel, ...] = (
    Channel("link"),
    Channel("qr"),
    Channel("phone"),
    Channel("ivr", pages=False, api=True),
    Channel("sms"),
    Channel("tablet"),
    Channel("keypad", pages=False, api=True),
    Channel("terminal"),
    Channel("hall", api=True),
    Channel("mine"),
)


def apps() -> Iterator[str]:
    return (channel.module for channel in CHANNELS if channel.app)


def url_modules() -> Iterator[str]:
    return (f"{channel.module}.urls" for channel in CHANNELS if channel.pages)


def api_modules() -> Iterator[str]:
    return (f"{channel.module}.api" for channel in CHANNELS if channel.api)
