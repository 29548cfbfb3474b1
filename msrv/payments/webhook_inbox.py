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
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from msrv.display_text import reason_of
from msrv.files import write_file
from msrv.payments.provider import InboxUnavailable, WebhookEvent

MAX_EVENTS: Final = 10_000
"""An event takes up to 8 KiB. So many mean that something is wrong, and the
provider retries the rest for days."""
_SUFFIX: Final = ".json"
_DAMAGED: Final = ".damaged"

log = logging.getLogger(__name__)


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
        self.damaged = 0
        """Number of unreadable events that were found since the start."""

    def add(self, provider: str, event: WebhookEvent) -> bool:
        """Store an event; it is on the disk when this returns.

        Return whether it wasn't there before. Raises InboxUnavailable.
        """
        path = self._path(provider, event)
        text = json.dumps(
            {"provider": provider, **dataclasses.asdict(event)},
            separators=(",", ":"),
        )
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            known = self._paths()
            if len(known) >= MAX_EVENTS:
                raise InboxUnavailable(
                    "the inbox is full: too many unprocessed events"
                )
            write_file(path, text.encode("ascii"))
        except OSError as error:
            raise InboxUnavailable(
                f"MSRV_DATA: can't write to {self._folder}: {reason_of(error)}"
            ) from error
        return path not in known

    def events(self) -> list[StoredEvent]:
        """Return all events, the oldest first. Raises OSError.

        A damaged one is renamed and counted: the others don't wait for it.
        """
        found = []
        for path in self._paths():
            # Another process that shares the folder may have just removed it.
            with contextlib.suppress(FileNotFoundError):
                try:
                    found.append(_parse(path, path.read_bytes()))
                except ValueError:
                    path.rename(path.with_suffix(_DAMAGED))
                    self.damaged += 1
                    log.error(  # noqa: TRY400 - the message says it all
                        "payments: unreadable webhook event renamed to %s",
                        path.with_suffix(_DAMAGED),
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


def _parse(path: Path, content: bytes) -> StoredEvent:
    """Return the event of a file. Raises ValueError."""
    try:
        fields = json.loads(content)
        provider, event_id, kind, at = (
            fields[name] for name in ("provider", "event_id", "kind", "at")
        )
        facts = fields.get("facts", {})
        texts = [provider, event_id, kind, *facts, *facts.values()]
    except (AttributeError, KeyError, TypeError, RecursionError) as error:
        raise ValueError("not a webhook event") from error
    if type(at) is not int or not all(isinstance(each, str) for each in texts):
        raise ValueError("not a webhook event")
    return StoredEvent(path, provider, WebhookEvent(event_id, kind, at, facts))
