# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""File of sealed addresses, which the store can write and never read.

Each line is an address that was encrypted to the seller's recipient of age
(https://age-encryption.org), in Base64. It is padded, so that its length says
little. `msrv newsletter` reads the file with the seller's identity.

Apart from the subscriptions: this blocks, and knows no network.
"""

import base64
import binascii
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


class UnreadableLine(ValueError):
    """A line of the file can't be decrypted; the text is its number."""


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

        `at` is in Unix seconds. Blocks. Raises OSError.
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
            os.write(descriptor, base64.b64encode(sealed) + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def open_lines(
    lines: Iterable[bytes], identities: list[Any]
) -> Iterator[NewsletterAddress]:
    """Yield the addresses of a file's lines. Raises UnreadableLine."""
    from pyrage import DecryptError, decrypt  # noqa: PLC0415 - an extra

    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            sealed = base64.b64decode(line.strip(), validate=True)
            address, language, day = json.loads(decrypt(sealed, identities))
        except (DecryptError, binascii.Error, ValueError) as error:
            raise UnreadableLine(f"line {number}") from error
        yield NewsletterAddress(address, language, day)
