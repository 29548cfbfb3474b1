# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Errors of requests to an authority, as lines for the log.

    IssuanceError
    |-- AuthorityUnavailable   no connection, a server error, not ACME
    |-- AuthorityRefused       a problem document (RFC 8555, section 6.7)
    |   `-- ValidationFailed   the authority didn't find this store
    `-- IssuanceStopped        the store is stopping

The text of each is one line. `retry_after_seconds` is the authority's wish.
"""

from collections.abc import Mapping
from typing import Final

from msrv.display_text import printable

_MAX_DETAIL_CHARS: Final = 300

ADVICE: Final[Mapping[str, str]] = {
    "accountDoesNotExist": "the authority doesn't know this account",
    "badNonce": "the authority rejected every nonce that it had issued",
    "caa": "a CAA record of the domain forbids this authority",
    "connection": (
        "the authority couldn't connect to this store: ports 80 and 443 have "
        "to be reachable from the internet"
    ),
    "dns": (
        "the authority couldn't look the name up: check its A and AAAA records"
    ),
    "externalAccountRequired": (
        "the authority requires an existing account: set MSRV_ACME_EAB_KID "
        "and MSRV_ACME_EAB_KEY"
    ),
    "incorrectResponse": (
        "the authority reached another server: check the name's A and AAAA "
        "records"
    ),
    "invalidContact": "the authority rejected MSRV_ACME_EMAIL",
    "rateLimited": "a rate limit of the authority is reached",
    "rejectedIdentifier": "the authority doesn't certify this name",
    "tls": "the authority couldn't complete its TLS handshake with this store",
    "unauthorized": (
        "the authority reached another server, or the account isn't "
        "allowed: check the name's A and AAAA records"
    ),
    "unsupportedContact": "the authority rejected MSRV_ACME_EMAIL",
    "unsupportedIdentifier": "the authority doesn't certify such names",
    "userActionRequired": (
        "the authority's terms of service have changed, and the account's "
        "holder has to agree to them"
    ),
}
"""Causes of problems in an operator's words, by their type's last part."""
UNREACHED: Final = frozenset(
    {"connection", "incorrectResponse", "tls", "unauthorized"}
)
"""Problems of a validation that may be those of one port only."""


class IssuanceError(Exception):
    """No certificate was issued."""

    def __init__(
        self, message: str, retry_after_seconds: float | None = None
    ) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class AuthorityUnavailable(IssuanceError):
    """The authority can't be used at present."""


class AuthorityRefused(IssuanceError):
    """The authority refused a request. `code` is its problem's type."""

    def __init__(
        self,
        code: str,
        detail: str,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(_sentence(code, detail), retry_after_seconds)
        self.code = code


class ValidationFailed(AuthorityRefused):
    """The authority's challenge for a name failed. `code` is its problem's."""


class IssuanceStopped(IssuanceError):
    """The store is stopping."""


def _sentence(code: str, detail: str) -> str:
    """Return a problem in one line: what it is, and the authority's words."""
    advice = ADVICE.get(code, f"the authority refused: {printable(code)}")
    words = one_line(detail)
    return f"{advice} ({words})" if words else advice


def one_line(text: str) -> str:
    """Return a stranger's text in one printable line of limited length."""
    words = printable(" ".join(text.split()))
    if len(words) > _MAX_DETAIL_CHARS:
        words = words[: _MAX_DETAIL_CHARS - 1] + "…"
    return words
