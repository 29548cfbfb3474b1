# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Addresses that buyers return to from a payment provider's page.

A request to such an address makes the store ask the provider, so only
addresses that the store itself made are accepted: each carries the quote's id
and the store's tag of it. Providers append it as the parameter PARAMETER.

Addresses made by earlier versions carry no tag. A data folder that was in use
before accepts them for the life of a checkout and some hours more after its
first start with a version that has tags; a new one never does.
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
"""A checkout lasts a day at most, and a buyer may return the day after."""
_BEFORE_TAG: Final = "."
_FILE_NAME: Final = "return-addresses"
_LEFT_BY_A_STORE: Final = ("ledger.sqlite3", "messages", "outbox", "spool")
_MAX_DIGITS: Final = 15


def format_tag(keyring: Keyring, quote_id: str) -> str:
    """Return the parameter of an address: the quote's id and its tag."""
    tagged = tag(keyring, Purpose.RETURN, quote_id.encode("ascii"))
    return f"{quote_id}{_BEFORE_TAG}{tagged}"


def parse_tag(keyring: Keyring, text: str) -> str | None:
    """Return the id of the quote, None if the store didn't make the tag."""
    quote_id, _, tagged = text.partition(_BEFORE_TAG)
    if not is_order_id(quote_id) or not is_tag(
        keyring, Purpose.RETURN, tagged, quote_id.encode("ascii")
    ):
        return None
    return quote_id


class UntaggedReturns:
    """Grace period for addresses without a tag, of one data folder."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._until = 0

    def start(self, now: int) -> None:
        """Load the end of the grace period, or set it at the first start.

        Blocks on the disk. Where it can't be written, the period ends with
        this process.
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
            # Atomically: another process may start now.
            write_file(path, f"{self._until}\n".encode("ascii"))

    def are_accepted(self, now: int) -> bool:
        """Return whether an address without a tag is accepted at `now`."""
        return now < self._until
