# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Webhook inbox: events on the disk until they have been processed.

Each event is a file, named by the provider's id of it: an event that is
delivered twice is one file. It is synced before the provider gets its answer,
and is deleted once everything that follows from it is recorded elsewhere.
"""

import contextlib
import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from msrv.files import write_file
from msrv.payments.provider import InboxUnavailable, WebhookEvent

MAX_EVENTS: Final = 10_000
"""An event takes up to 8 KiB. So many mean that something is wrong, and the
provider retries the rest for days."""
_SUFFIX: Final = ".json"


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event in the inbox, and its file."""

    path: Path
    provider: str
    event: WebhookEvent


class WebhookInbox:
    """The events of a data folder. Every method blocks on the disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, provider: str, event: WebhookEvent) -> None:
        """Store an event; it is on the disk when this returns.

        Raises InboxUnavailable.
        """
        path = self._path(provider, event)
        text = json.dumps(
            {"provider": provider, **dataclasses.asdict(event)},
            separators=(",", ":"),
        )
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if sum(1 for _ in self._paths()) >= MAX_EVENTS:
                raise InboxUnavailable(
                    "the inbox is full: too many unprocessed events"
                )
            write_file(path, text.encode("ascii"))
        except OSError as error:
            raise InboxUnavailable(
                f"MSRV_DATA: can't write to {self._folder}: {error.strerror}"
            ) from error

    def events(self) -> list[StoredEvent]:
        """Return all events, the oldest first. Raises OSError."""
        found = []
        for path in self._paths():
            # Another process that shares the folder may have just removed it.
            with contextlib.suppress(FileNotFoundError, ValueError, TypeError):
                fields = json.loads(path.read_bytes())
                provider = str(fields.pop("provider"))
                found.append(
                    StoredEvent(path, provider, WebhookEvent(**fields))
                )
        return sorted(found, key=lambda stored: stored.event.at)

    def remove(self, stored: StoredEvent) -> None:
        """Delete an event that has been processed. Raises OSError."""
        stored.path.unlink(missing_ok=True)

    def discard(self, provider: str, event: WebhookEvent) -> None:
        """Delete an event, if it is there. Raises OSError."""
        self._path(provider, event).unlink(missing_ok=True)

    def _path(self, provider: str, event: WebhookEvent) -> Path:
        name = hashlib.sha256(f"{provider} {event.event_id}".encode())
        return self._folder / f"{name.hexdigest()[:40]}{_SUFFIX}"

    def _paths(self) -> list[Path]:
        try:
            return [
                path
                for path in self._folder.iterdir()
                if path.suffix == _SUFFIX and not path.name.startswith(".")
            ]
        except FileNotFoundError:
            return []
