"""What providers have told, on the disk until it has been followed.

A message is a file of its own, named after the provider's own id for it: told
twice, it is one file. It is there, synced, before the provider is thanked,
and goes when all that follows from it is written down elsewhere.
"""

import contextlib
import dataclasses
import hashlib
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Final

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
        draft = path.with_name(f".{path.stem}.{secrets.token_hex(4)}")
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if sum(1 for _ in self._paths()) >= MAX_NOTES:
                raise InboxFailed("too many messages wait already")
            try:
                _write(draft, text.encode("ascii"))
                draft.replace(path)
                _sync_folder(self._folder)
            finally:
                draft.unlink(missing_ok=True)
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


def _write(path: Path, data: bytes) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _sync_folder(folder: Path) -> None:
    """See to it that the file's name is on the disk as well."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
