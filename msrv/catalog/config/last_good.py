# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Last good versions of store.toml and of each release.toml.

A file that is missing for a second, or cut short by a stalled upload, states
less than before, and an item without a price costs less. So a file's last
good version counts until the file has stated less for the whole grace, also
after a restart: the texts are saved in the data folder.
"""

import hashlib
import json
import logging
import math
import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Self

from msrv.display_text import printable, reason_of
from msrv.files import write_file
from msrv.toml_file import Problem

log = logging.getLogger(__name__)

FILE_NAME: Final = "configuration.json"
_VERSION: Final = 1
_NAMED: Final = 3
"""Number of missing keys that a message names."""

_KEYS: Final = {
    # A price may become a minimum: one of the two is stated all the same.
    "price": "price",
    "minimum": "price",
    "suggested": "suggested",
    "item_price": "item_price",
    "item_minimum": "item_price",
    "item_suggested": "item_suggested",
    "currency": "currency",
    "id": "id",
    "hidden": "hidden",
}


class LastGoodConfig:
    """Last good texts, and the times since when files state less.

    For one thread at a time. `timer` is monotonic, in seconds.
    """

    def __init__(
        self,
        file: Path | None = None,
        texts: Mapping[str, str] | None = None,
        *,
        grace_seconds: float = 0,
        timer: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self._file = file
        self._texts = dict(texts or {})
        self._grace_seconds = grace_seconds
        self._timer = timer
        self._lacking: dict[str, tuple[str | None, float]] = {}
        self._counting: frozenset[str] = frozenset()
        self._reported: set[str] = set()
        self._changed = False
        self._warned = False

    @classmethod
    def open(
        cls,
        folder: Path,
        *,
        grace_seconds: float,
        timer: Callable[[], float],
        read_only: bool = False,
    ) -> Self:
        """Load the texts of a data folder, or none if they are damaged.

        With `read_only`, nothing is ever written there.
        """
        file = folder / FILE_NAME
        texts: Mapping[str, str] = {}
        try:
            texts = _parse(file.read_bytes())
        except FileNotFoundError:
            pass
        except (OSError, ValueError, TypeError, KeyError) as error:
            log.warning(
                "%s can't be used, so prices are those in the library's "
                "files now: %s",
                file,
                reason_of(error),
            )
        return cls(
            None if read_only else file,
            texts,
            grace_seconds=grace_seconds,
            timer=timer,
        )

    @property
    def is_waiting(self) -> bool:
        """True if a file states less than before, and its grace isn't over."""
        return bool(self._lacking)

    def text(self, path: str) -> str | None:
        """Return the last good text of a file."""
        return self._texts.get(path)

    def counting(self) -> frozenset[str]:
        """Return the files whose last good versions count if they are missing.

        What follows from it is read next: until the next call, no grace of a
        file among them ends.
        """
        now = self._timer()
        grace = self._grace_seconds
        self._counting = frozenset(
            path
            for path in self._texts
            if now - self._lacking.get(path, (None, now))[1] < grace
        )
        return self._counting

    def choose(
        self, path: str, text: str | None
    ) -> tuple[str | None, Problem | None]:
        """Return the text to use: the file's present one, or the last good.

        None stands for a missing file. With the last good text comes the
        problem to display meanwhile.
        """
        kept = self._texts.get(path)
        lack = "" if kept is None else _describe_loss(kept, text)
        if not lack:
            self._lacking.pop(path, None)
            self._reported.discard(path)
            return text, None
        now = self._timer()
        seen, since = self._lacking.get(path, ("", now))
        if path not in self._lacking or seen != text:
            # Its contents have changed: an upload is in progress.
            since = now
        self._lacking[path] = (text, since)
        if now - since >= self._grace_seconds and (
            text is not None or path not in self._counting
        ):
            self._reported.add(path)
            self._expire(path, lack)
            return text, None
        self._reported.add(path)
        what = f"{lack}; its last good version is used"
        if math.isfinite(self._grace_seconds):
            what += f" for {self._grace_seconds:g} s"
        return kept, Problem(printable(path), None, what)

    def update(self, path: str, text: str) -> None:
        """Replace a file's last good text with one that is valid."""
        if not text.strip():
            self._remove(path)
        elif self._texts.get(path) != text:
            self._texts[path] = text
            self._changed = True

    def retain(self, paths: Collection[str]) -> None:
        """Remove all other files once missing for the grace period."""
        now = self._timer()
        for path in self._texts.keys() - set(paths):
            _, since = self._lacking.setdefault(path, (None, now))
            if now - since >= self._grace_seconds:
                self._expire(path, "is missing")

    def save(self) -> None:
        """Write the texts if they have changed; a failure is logged.

        Blocks.
        """
        if not self._changed or self._file is None:
            return
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            # A lost name only means that an older version counts.
            write_file(self._file, _format(self._texts), durable_name=False)
        except OSError as error:
            if not self._warned:
                log.warning(
                    "can't save the last good configuration in %s: %s",
                    self._file,
                    reason_of(error),
                )
            self._warned = True
            return
        self._changed = self._warned = False

    def _expire(self, path: str, lack: str) -> None:
        """Remove a file's last good text; log it if that was reported.

        A whole folder that was deleted wasn't.
        """
        del self._lacking[path]
        self._remove(path)
        if path in self._reported:
            self._reported.remove(path)
            log.warning(
                "%s %s, for over %g seconds: its previous version no longer "
                "applies",
                printable(path),
                lack,
                self._grace_seconds,
            )

    def _remove(self, path: str) -> None:
        if self._texts.pop(path, None) is not None:
            self._changed = True


def _describe_loss(kept: str, text: str | None) -> str:
    """Return what a text lacks of the last good one; "" for nothing."""
    if text is None:
        return "is missing"
    if not text.strip():
        return "is empty"
    try:
        lost = sorted(_statements(kept) - _statements(text))
    except (ValueError, RecursionError):
        return ""  # an invalid file has a rule of its own
    if lost:
        more = len(lost) - _NAMED
        named = ", ".join(lost[:_NAMED])
        return f"no longer states {named}" + (
            f" and {more:,} more" if more > 0 else ""
        )
    if kept.startswith(text) and kept.rstrip() != text.rstrip():
        return "ends earlier than it did"
    return ""


def _statements(text: str) -> frozenset[str]:
    """Return a text's statements: prices, discounts, ids, withdrawals."""
    return frozenset(_stated_keys(tomllib.loads(text)))


def _stated_keys(document: Mapping[str, Any]) -> Iterator[str]:
    yield from _price_keys(document, "")
    items = document.get("items")
    for name, table in items.items() if isinstance(items, dict) else ():
        if isinstance(table, dict):
            yield from _price_keys(table, f"items.{name}.")
    prices = document.get("prices")
    for name in prices if isinstance(prices, dict) else ():
        yield f"prices.{name}"
    discounts = document.get("discounts")
    for code, table in (
        discounts.items() if isinstance(discounts, dict) else ()
    ):
        for name in table if isinstance(table, dict) else ():
            # A percentage may become an amount.
            said = "percent" if name == "amount" else name
            yield f"discounts.{code}.{said}"


def _price_keys(table: Mapping[str, Any], where: str) -> Iterator[str]:
    for name, stands_for in _KEYS.items():
        if name in table:
            yield where + stands_for


def _format(texts: Mapping[str, str]) -> bytes:
    files = json.dumps(dict(sorted(texts.items())))
    whole = {
        "version": _VERSION,
        "sha256": hashlib.sha256(files.encode()).hexdigest(),
        "files": files,
    }
    return json.dumps(whole).encode()


def _parse(data: bytes) -> Mapping[str, str]:
    """Parse the saved texts. Raises ValueError, TypeError, KeyError."""
    whole = json.loads(data)
    files = whole["files"]
    if whole["version"] != _VERSION:
        raise ValueError("its format is of another version")
    if hashlib.sha256(files.encode()).hexdigest() != whole["sha256"]:
        raise ValueError("it is damaged")
    texts = json.loads(files)
    if not isinstance(texts, dict) or not all(
        isinstance(text, str) for text in texts.values()
    ):
        raise ValueError("it is damaged")
    return texts
