# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Tickets of the studio: sign-in links, and the sessions they start.

A ticket states when it was issued, and has a random number as its id. One
for a named operator also states that operator's id, which is random too.
Tickets verify by NONCE alone, never by NONCE_PREVIOUS: changing NONCE signs
everyone out.

A session also states when it was last used, and is renewed as it is used: an
unused one expires after an hour.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from msrv.proofs.encoding import decode, encode, is_same, mac
from msrv.proofs.errors import Expired, Forged
from msrv.proofs.keyring import Keyring, Purpose
from msrv.proofs.orders import MAX_TIME, check_number

# 144 bits of tag, as in a link. With six bytes of time and twelve of number
# they are exactly 48 characters of base64, and with six of an operator's id
# 56: one spelling by construction.
_TIME_BYTES: Final = 6
_NUMBER_BYTES: Final = 12
_OPERATOR_BYTES: Final = 6
_TAG_BYTES: Final = 18

IDLE_SECONDS: Final = 3600
"""Time after which an unused session expires."""

_TICKET: Final = re.compile(r"[A-Za-z0-9_-]{48}(?:[A-Za-z0-9_-]{8})?")


class TicketKind(Enum):
    """Kind of a ticket.

    The value is part of its MAC: a link doesn't work as a cookie, nor a
    cookie as a link.
    """

    LINK = "link"
    SESSION = "session"

    @property
    def seconds(self) -> int:
        """Validity in seconds."""
        return 600 if self is TicketKind.LINK else 12 * 3600


@dataclass(frozen=True, slots=True)
class Ticket:
    """A ticket: its id, and when it was issued and last used.

    `number` is hexadecimal, and stays the same as long as a session lasts.
    `used_at` is None in a link. `operator_id` is hexadecimal, and empty for
    the operator without a name. A ticket is valid while now < `expires_at`;
    all times are in Unix seconds.
    """

    kind: TicketKind
    number: str
    issued_at: int
    used_at: int | None = None
    operator_id: str = ""

    @property
    def ends_at(self) -> int:
        """The second at which it ends, even if it is used."""
        return self.issued_at + self.kind.seconds

    @property
    def expires_at(self) -> int:
        """The first second at which it is not valid."""
        if self.used_at is None:
            return self.ends_at
        return min(self.ends_at, self.used_at + IDLE_SECONDS)


class TicketExpired(Expired):
    """A sign-in link or a session that has expired."""

    def __init__(self, ticket: Ticket) -> None:
        super().__init__(ticket.expires_at)
        self.ticket = ticket


def issue(
    keyring: Keyring,
    kind: TicketKind,
    made_at: int,
    random: Callable[[int], bytes],
    operator_id: str = "",
) -> str:
    """Return a new ticket, safe in a path and in a cookie.

    It has 48 characters, or 56 with the id of an operator: twelve
    hexadecimal digits. `random(n)` returns n unpredictable bytes. Raises
    ValueError for a time that six bytes can't hold, and for another id.
    """
    check_number(made_at, MAX_TIME)
    at = made_at.to_bytes(_TIME_BYTES, "big")
    operator = bytes.fromhex(operator_id)
    if len(operator) not in {0, _OPERATOR_BYTES}:
        raise ValueError("not an operator's id")
    if kind is TicketKind.SESSION:
        stated = at + random(_TIME_BYTES) + at
    else:
        stated = at + random(_NUMBER_BYTES)
    return _write(keyring, kind, stated, operator)


def renew(keyring: Keyring, session: Ticket, now: int) -> str:
    """Return a session again, as one that was used at `now`."""
    check_number(now, MAX_TIME)
    stated = bytes.fromhex(session.number) + now.to_bytes(_TIME_BYTES, "big")
    operator = bytes.fromhex(session.operator_id)
    return _write(keyring, TicketKind.SESSION, stated, operator)


def read(keyring: Keyring, kind: TicketKind, text: str, now: int) -> Ticket:
    """Verify a ticket at `now`, in Unix seconds, and return it.

    Raises Forged, and TicketExpired from the second `expires_at` on.
    """
    if not _TICKET.fullmatch(text):
        raise Forged
    content = decode(text)[:-_TAG_BYTES]
    stated = content[: _TIME_BYTES + _NUMBER_BYTES]
    operator = content[_TIME_BYTES + _NUMBER_BYTES :]
    if not is_same(_write(keyring, kind, stated, operator), text):
        raise Forged
    made_at = int.from_bytes(stated[:_TIME_BYTES], "big")
    if kind is TicketKind.SESSION:
        used_at = int.from_bytes(stated[-_TIME_BYTES:], "big")
        # Sessions of an earlier version have random bytes there.
        if not made_at <= used_at <= made_at + kind.seconds:
            raise Forged
        number = stated[:-_TIME_BYTES].hex()
        ticket = Ticket(kind, number, made_at, used_at, operator.hex())
    else:
        number = stated[_TIME_BYTES:].hex()
        ticket = Ticket(kind, number, made_at, None, operator.hex())
    if now >= ticket.expires_at:
        raise TicketExpired(ticket)
    return ticket


def _write(
    keyring: Keyring, kind: TicketKind, stated: bytes, operator: bytes
) -> str:
    tag = _tag(keyring, kind, stated, operator)
    return encode(stated + operator + tag)


def _tag(
    keyring: Keyring, kind: TicketKind, stated: bytes, operator: bytes
) -> bytes:
    key = keyring.current.key(Purpose.STUDIO)
    fields = [kind.value.encode("ascii"), stated]
    if operator:
        fields.append(operator)
    return mac(key, *fields)[:_TAG_BYTES]
