# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""A buyer's consent to immediate delivery, as quotes and receipts state it.

Article 16 (m) of Directive 2011/83/EU: the right of withdrawal from a
contract on digital content ends with its delivery, if the buyer has agreed to
that before. The signature of the receipt covers the consent, so that both
sides can prove what was agreed to.
"""

import hashlib
import re
from dataclasses import dataclass
from typing import Any, Final, Self

from msrv.proofs.orders import MAX_TIME, check_number

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_MEMBERS: Final = 3
_LANGUAGE: Final = re.compile(r"[A-Za-z_]{2,12}")
"""Name of a language in CLDR, as in a quote."""


@dataclass(frozen=True, slots=True)
class Consent:
    """Consent to a wording, in a language, at a time.

    `sha256` is the wording's digest, in hexadecimal: see `wording_sha256`.
    `language` is its name in CLDR, `given_at` the time in Unix seconds. Raises
    ValueError for invalid values.
    """

    sha256: str
    language: str
    given_at: int

    def __post_init__(self) -> None:
        if not _SHA256.fullmatch(self.sha256):
            raise ValueError("not a digest")
        if not _LANGUAGE.fullmatch(self.language):
            raise ValueError("not a language")
        check_number(self.given_at, MAX_TIME)

    def to_json(self) -> dict[str, str | int]:
        """Return the consent as a member of a quote or a JWS."""
        return {
            "at": self.given_at,
            "lang": self.language,
            "sha256": self.sha256,
        }

    @classmethod
    def from_json(cls, value: Any) -> Self:  # noqa: ANN401 - JSON comes in
        """Parse what `to_json` returned.

        Raises KeyError, TypeError or ValueError for anything else.
        """
        if not isinstance(value, dict) or len(value) != _MEMBERS:
            raise ValueError("not a consent")
        return cls(value["sha256"], value["lang"], value["at"])


def wording_sha256(text: str) -> str:
    """Return the digest of a wording: SHA-256 of its UTF-8, in hexadecimal.

    It has no line feed at its end: `printf %s TEXT | sha256sum`.
    """
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
