# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Keys that a CDN shares with the store, one for each CDN and month.

Apart from the keyring, whose keys never leave the store: these are configured
at a CDN, and one that leaks there is of no use after its month.
"""

from datetime import UTC, datetime

from msrv.proofs.keyring import Generation, Purpose, expand


def month_of(seconds: int) -> str:
    """Return the month of a Unix time in UTC, like `2026-11`."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m")


def months_from(seconds: int, count: int) -> list[str]:
    """Return the month of a Unix time, and those after it."""
    moment = datetime.fromtimestamp(seconds, UTC)
    first = moment.year * 12 + moment.month - 1
    return [
        f"{each // 12:04}-{each % 12 + 1:02}"
        for each in range(first, first + count)
    ]


def month_key(generation: Generation, cdn: str, month: str) -> str:
    """Return a CDN's key for the addresses that end in a month.

    64 characters of hexadecimal digits; as a text they are the key of a MAC,
    since the fields of a CDN's settings hold text.
    """
    info = f"msrv/v1/cdn/{cdn}/{month}".encode("ascii")
    return expand(generation.key(Purpose.CDN), info).hex()
