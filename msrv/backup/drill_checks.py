# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Checks of a drill: receipts that open, and first and last bytes of items."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

PIECE_BYTES: Final = 1024
"""Number of bytes that are fetched from each end of an item."""
CONCURRENT: Final = 4
_TRIES: Final = 5
_RETRY_SECONDS: Final = 3.0
"""Renamed items are found once the store has read the ledger, which it does
every five seconds."""
_JSON: Final = {"Accept": "application/json"}


@dataclass(frozen=True, slots=True)
class ItemEnds:
    """Both ends of an item, its entity tag, and its size in bytes."""

    first: bytes
    last: bytes
    etag: str
    size_bytes: int


@dataclass(slots=True)
class Findings:
    """Findings of one round of checks.

    `ends` has an entry for each item that was fetched, and `missing` the
    reason for each that wasn't, both by item id. `closed` are the reasons
    why receipts don't open, by order id.
    """

    receipts: int = 0
    refunded_lines: int = 0
    closed: dict[str, str] = field(default_factory=dict)
    ends: dict[str, ItemEnds] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)


class Checks:
    """One round of checks of a running store."""

    def __init__(
        self, session: aiohttp.ClientSession, progress: Callable[[str], None]
    ) -> None:
        self._session = session
        self._progress = progress
        self._items: dict[str, Mapping[str, Any]] = {}
        self._slots = asyncio.Semaphore(CONCURRENT)
        self.found = Findings()

    async def open_receipts(self, paths: Mapping[str, str]) -> None:
        """Open the receipts of these paths, by name of each."""
        async with asyncio.TaskGroup() as tasks:
            for name, path in paths.items():
                tasks.create_task(self._open_receipt(name, path))

    async def fetch_items(self) -> None:
        """Fetch both ends of each item of the receipts that opened."""
        async with asyncio.TaskGroup() as tasks:
            for item_id, item in self._items.items():
                tasks.create_task(self._fetch_item(item_id, item))

    async def _open_receipt(self, name: str, path: str) -> None:
        async with self._slots:
            self.found.receipts += 1
            try:
                async with self._session.get(path, headers=_JSON) as response:
                    if response.status != 200:
                        self.found.closed[name] = f"status {response.status}"
                        return
                    shown = await response.json()
            except (aiohttp.ClientError, TimeoutError) as error:
                self.found.closed[name] = type(error).__name__
                return
        for line in shown["items"]:
            if line["refunded"]:
                self.found.refunded_lines += 1
                continue
            for item in (line, *line.get("parts", ())):
                self._items.setdefault(item["item_id"], item)
                self.found.titles[item["item_id"]] = item["title"]
        self._progress(f"receipts: {self.found.receipts:,}")

    async def _fetch_item(self, item_id: str, item: Mapping[str, Any]) -> None:
        path = urlsplit(item["download"]).path
        for attempt in range(_TRIES):
            async with self._slots:
                try:
                    ends = await self._fetch_ends(path)
                    reason = _difference(item, ends)
                except _Unavailable as error:
                    reason = str(error)
                except (aiohttp.ClientError, TimeoutError) as error:
                    reason = type(error).__name__
            if not reason:
                self.found.ends[item_id] = ends
                self._progress(f"items: {len(self.found.ends):,}")
                return
            if attempt + 1 < _TRIES:
                await asyncio.sleep(_RETRY_SECONDS)
        self.found.missing[item_id] = reason

    async def _fetch_ends(self, path: str) -> ItemEnds:
        """Fetch both ends of an item. Raises _Unavailable."""
        first, etag, size = await self._fetch(
            path, f"bytes=0-{PIECE_BYTES - 1}"
        )
        if len(first) != min(size, PIECE_BYTES):
            raise _Unavailable("its first bytes are missing")
        if not size:
            return ItemEnds(b"", b"", etag, 0)
        last, other, _ = await self._fetch(path, f"bytes=-{PIECE_BYTES}")
        if len(last) != min(size, PIECE_BYTES) or other != etag:
            raise _Unavailable("its last bytes are missing")
        return ItemEnds(first, last, etag, size)

    async def _fetch(self, path: str, wanted: str) -> tuple[bytes, str, int]:
        """Return bytes of a range, the entity tag, and the whole size."""
        async with self._session.get(
            path, headers={"Range": wanted, "Accept-Encoding": "identity"}
        ) as response:
            etag = response.headers.get("ETag", "")
            if response.status == 206:
                total = response.headers["Content-Range"].rpartition("/")[2]
                return await response.read(), etag, int(total)
            # An empty file has no range.
            with contextlib.suppress(KeyError):
                if response.headers["Content-Range"] == "bytes */0":
                    return b"", etag, 0
            if response.status == 200 and response.content_length == 0:
                return b"", etag, 0
            if response.status == 404:
                raise _Unavailable("it is not in the library")
            if response.status == 503:
                raise _Unavailable("its file can't be read")
            raise _Unavailable(f"status {response.status}")


async def is_refunded(session: aiohttp.ClientSession, path: str) -> bool:
    """Return whether a line of a receipt is refunded, by its path."""
    async with session.get(path, headers=_JSON) as response:
        if response.status != 200:
            return True  # it is reported when all receipts are opened
        shown = await response.json()
    return any(line["refunded"] for line in shown["items"])


class _Unavailable(Exception):
    """An item can't be fetched; the text is the reason."""


def _difference(item: Mapping[str, Any], ends: ItemEnds) -> str:
    """Return how an item differs from what its receipt states, or ""."""
    size, sha256 = item.get("size_bytes"), item.get("sha256")
    if size is not None and size != ends.size_bytes:
        return f"it has {ends.size_bytes} bytes instead of {size}"
    if sha256 is not None and ends.etag != f'"{sha256}"':
        return "it has another SHA-256 than its receipt states"
    return ""
