"""What providers have told, on the disk until it has been followed.

A message is a file of its own, named after the provider's own id for it: told
twice, it is one file. It is there, synced, before the provider is thanked,
and goes when all that follows from it is written down elsewhere.
"""

import contextlib
import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from msrv.files import write_file
from msrv.payments.errors import InboxFailed
from msrv.payments.provider import Note

MAX_NOTES: Final = 10_000
"""A message is a kilobyte or eight: this many mean that something is wrong,
and the sender keeps the rest for days."""
_SUFFIX: Final = ".json"


@dataclass(frozen=True, slots=True)
class Kept:
    """A message as it lies there."""

    path: Path
    provider: str
    note: Note


class Inbox:
    """The messages of a data folder. Every method waits for the disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, provider: str, note: Note) -> None:
        """Keep a message; it is on the disk when this returns.

        Raises InboxFailed.
        """
        name = hashlib.sha256(f"{provider} {note.event_id}".encode())
        path = self._folder / f"{name.hexdigest()[:40]}{_SUFFIX}"
        text = json.dumps(
            {"provider": provider, **dataclasses.asdict(note)},
            separators=(",", ":"),
        )
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if sum(1 for _ in self._paths()) >= MAX_NOTES:
                raise InboxFailed("too many messages wait already")
            write_file(path, text.encode("ascii"))
        except OSError as error:
            raise InboxFailed(
                f"MSRV_DATA: can't write to {self._folder}: {error.strerror}"
            ) from error

    def all(self) -> list[Kept]:
        """Give every message, the oldest first. Raises OSError."""
        found = []
        for path in self._paths():
            # Another process with this folder may have followed it just now.
            with contextlib.suppress(FileNotFoundError, ValueError, TypeError):
                fields = json.loads(path.read_bytes())
                provider = str(fields.pop("provider"))
                found.append(Kept(path, provider, Note(**fields)))
        return sorted(found, key=lambda kept: kept.note.at)

    def drop(self, kept: Kept) -> None:
        """Forget a message that has been followed. Raises OSError."""
        kept.path.unlink(missing_ok=True)

    def _paths(self) -> list[Path]:
        try:
            return [
                path
                for path in self._folder.iterdir()
                if path.suffix == _SUFFIX and not path.name.startswith(".")
            ]
        except FileNotFoundError:
            return []
