"""The spool's lines: how an event lies in a file, and is found again.

A segment begins with a line that says its version. Then comes a line for
each event: its BLAKE2 digest, a space, JSON, a line feed. After a kill or a
power cut the last line may be torn: it was never acknowledged, and is passed
over. A segment is allocated ahead, so zeros may follow.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO, Final

from msrv.ledger.errors import OtherSpool
from msrv.ledger.events import Event, from_json, to_json

HEADER: Final = b"msrv-spool 1\n"
MAX_LINE_BYTES: Final = 256 * 1024
"""The longest event, a sale of a hundred long titles, is half of this."""
_DIGEST_CHARS: Final = 16


@dataclass(frozen=True, slots=True)
class Reading:
    """What a part of a segment holds.

    `stop` is where the next reading begins. `damaged` are whole lines that
    are not what was written. `is_end` says that nothing follows.
    """

    events: tuple[Event, ...]
    damaged: tuple[bytes, ...]
    stop: int
    is_end: bool


def encode(event: Event) -> bytes:
    """Write an event as a line."""
    text = to_json(event)
    return _digest(text) + b" " + text + b"\n"


def decode(line: bytes) -> Event:
    """Read a line, with or without its line feed. Raises ValueError."""
    digest, _, text = line.rstrip(b"\n").partition(b" ")
    if digest != _digest(text):
        raise ValueError("not the line that was written")
    return from_json(text)


def encode_all(events: Iterable[Event]) -> bytes:
    """Write events as lines, one after the other."""
    return b"".join(map(encode, events))


def read(
    path: Path, start: int, stop: int | None = None, *, most: int = 500
) -> Reading:
    """Read up to `most` events from byte `start` on; 0 is the beginning.

    `stop` is where what is known to be on the disk ends, None for the end of
    the file. Raises OtherSpool, and OSError.
    """
    with path.open("rb") as file:
        if not start:
            start = _begin(path, file)
        file.seek(start)
        events: list[Event] = []
        damaged: list[bytes] = []
        at = start
        while len(events) + len(damaged) < most:
            if stop is not None and at >= stop:
                return Reading(tuple(events), tuple(damaged), at, is_end=True)
            line = file.readline(MAX_LINE_BYTES)
            if not line.endswith(b"\n") or line.startswith(b"\0"):
                return Reading(tuple(events), tuple(damaged), at, is_end=True)
            at += len(line)
            try:
                events.append(decode(line))
            except ValueError:
                damaged.append(line)
        return Reading(tuple(events), tuple(damaged), at, is_end=False)


def _begin(path: Path, file: BinaryIO) -> int:
    """Read the first line: where events begin. Raises OtherSpool."""
    found = file.read(len(HEADER))
    if found == HEADER:
        return len(HEADER)
    # Killed as it was made: nothing was in it yet.
    if HEADER.startswith(found.rstrip(b"\0")):
        return len(found)
    text = found.partition(b"\n")[0].decode("ascii", "replace")
    raise OtherSpool(path, text)


def _digest(text: bytes) -> bytes:
    digest = blake2b(text, digest_size=_DIGEST_CHARS // 2)
    return digest.hexdigest().encode("ascii")
