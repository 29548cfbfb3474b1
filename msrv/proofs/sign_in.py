"""Who may see the studio: a sign-in link, and the session that it becomes.

Both say when they were made, and carry a number by which one is told from
another; nobody's name is in them. They verify by NONCE alone, never by
NONCE_PREVIOUS: who changes NONCE signs everyone out.

A session also says when it was last used, and is written anew as it is used:
one that nobody uses for an hour ends.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from msrv.proofs.encoding import decode, encode, mac, same
from msrv.proofs.errors import Forged, TicketExpired
from msrv.proofs.keyring import Keyring, Purpose
from msrv.proofs.orders import MAX_TIME, check_number

# 144 bits of tag, as in a link. With six bytes of time and twelve of number
# they are 48 characters of base64 exactly: one spelling by construction.
_TIME_BYTES: Final = 6
_NUMBER_BYTES: Final = 12
_TAG_BYTES: Final = 18

IDLE_SECONDS: Final = 3600
"""Time for which a session lasts without being used."""

_TICKET: Final = re.compile(r"[A-Za-z0-9_-]{48}")


class Kind(Enum):
    """What a ticket is.

    The value goes into its MAC: a link in a cookie, or a cookie in a link,
    opens nothing.
    """

    LINK = "link"
    SESSION = "session"

    @property
    def seconds(self) -> int:
        """How long one is good."""
        return 600 if self is Kind.LINK else 12 * 3600


@dataclass(frozen=True, slots=True)
class Ticket:
    """Fields of a ticket: its number, when it was made and last used.

    `number` is 24 hexadecimal digits, the same as long as a session lasts.
    `used_at` is that of a session, and None in a link. It is good while now <
    `expires_at`; all times are in Unix seconds.
    """

    kind: Kind
    number: str
    made_at: int
    used_at: int | None = None

    @property
    def ends_at(self) -> int:
        """The second at which it ends, however much it is used."""
        return self.made_at + self.kind.seconds

    @property
    def expires_at(self) -> int:
        """The first second at which it is no longer good."""
        if self.used_at is None:
            return self.ends_at
        return min(self.ends_at, self.used_at + IDLE_SECONDS)


def issue(
    keyring: Keyring, kind: Kind, made_at: int, random: Callable[[int], bytes]
) -> str:
    """Write a ticket: 48 characters, safe in a path and in a cookie.

    `random(n)` gives n unpredictable bytes. Raises ValueError for a time that
    six bytes don't hold.
    """
    check_number(made_at, MAX_TIME)
    at = made_at.to_bytes(_TIME_BYTES, "big")
    if kind is Kind.SESSION:
        return _write(keyring, kind, at + random(_TIME_BYTES) + at)
    return _write(keyring, kind, at + random(_NUMBER_BYTES))


def renew(keyring: Keyring, session: Ticket, now: int) -> str:
    """Write a session anew, as one that is used at `now`."""
    check_number(now, MAX_TIME)
    said = bytes.fromhex(session.number) + now.to_bytes(_TIME_BYTES, "big")
    return _write(keyring, Kind.SESSION, said)


def read(keyring: Keyring, kind: Kind, text: str, now: int) -> Ticket:
    """Check a ticket at `now`, in Unix seconds, and say what it says.

    Raises Forged; TicketExpired from the second `expires_at` on.
    """
    if not _TICKET.fullmatch(text):
        raise Forged
    said = decode(text)[: _TIME_BYTES + _NUMBER_BYTES]
    if not same(encode(said + _tag(keyring, kind, said)), text):
        raise Forged
    made_at = int.from_bytes(said[:_TIME_BYTES], "big")
    if kind is Kind.SESSION:
        used_at = int.from_bytes(said[-_TIME_BYTES:], "big")
        # A session of an earlier version has a random number there.
        if not made_at <= used_at <= made_at + kind.seconds:
            raise Forged
        number = said[:-_TIME_BYTES].hex()
        ticket = Ticket(kind, number, made_at, used_at)
    else:
        ticket = Ticket(kind, said[_TIME_BYTES:].hex(), made_at)
    if now >= ticket.expires_at:
        raise TicketExpired(ticket)
    return ticket


def _write(keyring: Keyring, kind: Kind, said: bytes) -> str:
    return encode(said + _tag(keyring, kind, said))


def _tag(keyring: Keyring, kind: Kind, said: bytes) -> bytes:
    key = keyring.current.key(Purpose.STUDIO)
    return mac(key, kind.value.encode("ascii"), said)[:_TAG_BYTES]
