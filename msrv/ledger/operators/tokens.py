# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Tokens of programs: their form, their scopes, and their end.

A token is `msrv_`, its id, `_`, and 256 random bits. The database has their
SHA-256, which leads to no token: so many bits can't be guessed, and a slow
hash would add nothing.
"""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from msrv.proofs.encoding import encode, is_same

MAX_DAYS: Final = 365
ID_BYTES: Final = 6
_SECRET_BYTES: Final = 32
_PREFIX: Final = "token."
_FORM: Final = re.compile(r"msrv_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")


class Scope(StrEnum):
    """Scope of a token; `web.studio.access` has the routes of each."""

    SALES_READ = "sales:read"
    RELEASES_READ = "releases:read"
    ORDERS_READ = "orders:read"
    ORDERS_REFUND = "orders:refund"
    RECEIPTS_SEND = "receipts:send"
    WEBHOOKS_WRITE = "webhooks:write"


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token as the database has it; times are in Unix seconds.

    `created_by` and `actor` are as in the record of acts. `ended_at` is None
    until it is revoked, `last_used_day` until it is used: days since 1970.
    """

    token_id: str
    name: str
    secret_sha256: str
    scopes: frozenset[Scope]
    created_by: str
    created_at: int
    expires_at: int
    ended_at: int | None = None
    last_used_day: int | None = None

    @property
    def actor(self) -> str:
        """`OperatorAct.actor` of what the program does."""
        return f"{_PREFIX}{self.name}"

    def is_valid(self, now: int) -> bool:
        """Return whether it is neither revoked nor expired at `now`."""
        return self.ended_at is None and now < self.expires_at


@dataclass(frozen=True, slots=True, repr=False)
class PresentedToken:
    """A token that a program sent, in its parts; not yet verified."""

    token_id: str
    secret: str

    def is_of(self, token: ApiToken) -> bool:
        """Return whether it is this token, in constant time."""
        return is_same(_hash(self.secret), token.secret_sha256)


@dataclass(frozen=True, slots=True, repr=False)
class NewToken:
    """A token that was made just now: `text` is shown once."""

    token_id: str
    text: str
    secret_sha256: str


def make_token(random: Callable[[int], bytes]) -> NewToken:
    """Return a new token; `random(n)` returns n unpredictable bytes."""
    token_id = random(ID_BYTES).hex()
    secret = encode(random(_SECRET_BYTES))
    return NewToken(token_id, f"msrv_{token_id}_{secret}", _hash(secret))


def parse_token(text: str) -> PresentedToken | None:
    """Return the parts of a token, None for any other text."""
    match = _FORM.fullmatch(text)
    return None if match is None else PresentedToken(match[1], match[2])


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("ascii")).hexdigest()
