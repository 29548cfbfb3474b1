"""The addresses that buyers come back to from a payment provider's page.

Whatever comes there makes the store ask the provider, so an address has to
be one that the store gave to a provider: it carries the quote's number and
the store's tag of it. Providers add it to their address as `PARAMETER`.

Addresses of before the update to tags carry none. A data folder that was
used before takes them for the life of a checkout and some hours more after
its first start with this version; a new one never does.
"""

import contextlib
from pathlib import Path
from typing import Final

from msrv.files import write_file
from msrv.proofs.keyring import Keyring, Purpose
from msrv.proofs.mac_tags import is_tag, tag
from msrv.proofs.orders import is_order_id

PARAMETER: Final = "q"
UNTAGGED_SECONDS: Final = 48 * 3600
"""A checkout lives for a day at most, and a buyer may look again next day."""
_BEFORE_TAG: Final = "."
_FILE_NAME: Final = "return-addresses"
_LEFT_BY_A_STORE: Final = ("ledger.sqlite3", "messages", "outbox", "spool")
_MAX_DIGITS: Final = 15


def mark(keyring: Keyring, quote_id: str) -> str:
    """Return what an address carries: the quote's number and its tag."""
    tagged = tag(keyring, Purpose.RETURN, quote_id.encode("ascii"))
    return f"{quote_id}{_BEFORE_TAG}{tagged}"


def read(keyring: Keyring, text: str) -> str | None:
    """Return the number of the quote, None for what the store hasn't made."""
    quote_id, _, tagged = text.partition(_BEFORE_TAG)
    if not is_order_id(quote_id) or not is_tag(
        keyring, Purpose.RETURN, tagged, quote_id.encode("ascii")
    ):
        return None
    return quote_id


class Untagged:
    """Until when addresses without a tag are taken, in a data folder."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._until = 0

    def start(self, now: int) -> None:
        """Read until when, or write it down at the first start.

        Waits for the disk. Where it can't be written, it ends with this
        process.
        """
        path = self._data / _FILE_NAME
        with contextlib.suppress(OSError, ValueError):
            text = path.read_text("ascii").strip()
            if text.isdigit() and len(text) <= _MAX_DIGITS:
                self._until = min(int(text), now + UNTAGGED_SECONDS)
                return
        if any((self._data / name).exists() for name in _LEFT_BY_A_STORE):
            self._until = now + UNTAGGED_SECONDS
        with contextlib.suppress(OSError):
            self._data.mkdir(parents=True, exist_ok=True)
            # Whole at once, for another process that starts now.
            write_file(path, f"{self._until}\n".encode("ascii"))

    def are_taken(self, now: int) -> bool:
        """Whether an address without a tag is looked up."""
        return now < self._until
