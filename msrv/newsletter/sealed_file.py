# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""File of sealed addresses, which the store can write and never read.

Each line is an address that was encrypted to the seller's recipient of age
(https://age-encryption.org), in Base64. It is padded, so that its length says
little. `msrv newsletter` reads the file with the seller's identity. Blank
lines mean nothing: each line begins with a line feed too, so that one that a
full disk has cut short ends before the next.

Apart from the subscriptions: this blocks, and knows no network.
"""

import base64
import binascii
import errno
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from msrv.settings import WrongSetting
from msrv.settings.optional_packages import require_packages

FILE_NAME: Final = "newsletter.sealed"
_PADDED_BYTES: Final = 128


@dataclass(frozen=True, slots=True)
class NewsletterAddress:
    """An address, the language of its page, and the day, in ISO 8601."""

    address: str
    language: str
    day: str


@dataclass(frozen=True, slots=True)
class UnreadableLine:
    """A line that is damaged, or encrypted to another key; from 1."""

    number: int


class SealedAddresses:
    """The file of a data folder. Raises PackageMissing, and WrongSetting."""

    def __init__(self, data: Path, recipient: str) -> None:
        require_packages("backup", "MSRV_NEWSLETTER with a key of age")
        from pyrage import RecipientError, x25519  # noqa: PLC0415 - an extra

        self.path = data / FILE_NAME
        try:
            self._recipient = x25519.Recipient.from_str(recipient)
        except RecipientError as error:
            raise WrongSetting(
                "MSRV_NEWSLETTER has a mistyped public key of age"
            ) from error

    def append(self, address: str, language: str, at: int) -> None:
        """Seal an address, and append it; on the disk when this returns.

        `at` is in Unix seconds. Blocks. Raises OSError, also where the disk
        has had space for a part of the line only.
        """
        from pyrage import encrypt  # noqa: PLC0415 - an extra

        day = datetime.fromtimestamp(at, UTC).date().isoformat()
        text = json.dumps([address, language, day]).encode("ascii")
        size = -(-len(text) // _PADDED_BYTES) * _PADDED_BYTES
        sealed = encrypt(text.ljust(size), [self._recipient])
        descriptor = os.open(
            self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600
        )
        try:
            # One write: processes that share the folder don't mix lines.
            line = b"\n" + base64.b64encode(sealed) + b"\n"
            if os.write(descriptor, line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def open_lines(
    lines: Iterable[bytes], identities: list[Any]
) -> Iterator[NewsletterAddress | UnreadableLine]:
    """Yield the address of each line of a file that isn't blank."""
    from pyrage import DecryptError, decrypt  # noqa: PLC0415 - an extra

    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            sealed = base64.b64decode(line.strip(), validate=True)
            address, language, day = json.loads(decrypt(sealed, identities))
        except (DecryptError, binascii.Error, TypeError, ValueError):
            yield UnreadableLine(number)
        else:
            yield NewsletterAddress(str(address), str(language), str(day))
