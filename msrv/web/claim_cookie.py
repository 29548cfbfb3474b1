"""Who redeemed a code: a random claim in a cookie of their browser.

A code becomes an order that depends on the claim. So who lost the answer
gets the same receipt by asking again, and whoever else types the code does
not. The cookie says nothing about anybody but when it was made.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Self

from aiohttp import web

from msrv.proofs.codes import CLAIM_BYTES
from msrv.proofs.encoding import decode, encode
from msrv.proofs.errors import Forged
from msrv.proofs.keyring import Keyring, Purpose
from msrv.proofs.mac_tags import TAG_BYTES, is_tag, tag
from msrv.web import cookies

COOKIE: Final = "claim"
MAX_AGE_SECONDS: Final = 30 * 24 * 3600
_TIME_BYTES: Final = 6
_COOKIE_CHARS: Final = 64
_SETTLED_SECONDS: Final = 60


@dataclass(frozen=True, slots=True)
class Claim:
    """A claim, and when the store made it, in Unix seconds.

    `made_at` is None where that isn't known: for one that a program made up,
    or an older version of the store.
    """

    value: bytes
    made_at: int | None = None

    @classmethod
    def new(cls, random: Callable[[int], bytes], now: int) -> Self:
        """Return a new claim. `random(n)` returns n unpredictable bytes."""
        return cls(random(CLAIM_BYTES), now)

    def is_settled(self, now: int) -> bool:
        """Whether the store made it a minute ago or earlier."""
        return (
            self.made_at is not None and now - self.made_at >= _SETTLED_SECONDS
        )


def read(cookies: Mapping[str, str], keyring: Keyring) -> Claim | None:
    """Read the claim that came with a request, None where there is none."""
    try:
        text = decode(cookies.get(COOKIE, "")[:_COOKIE_CHARS])
    except Forged:
        return None
    value, rest = text[:CLAIM_BYTES], text[CLAIM_BYTES:]
    if len(value) != CLAIM_BYTES:
        return None
    if not rest:
        return Claim(value)
    made_at, tagged = rest[:_TIME_BYTES], rest[_TIME_BYTES:]
    if len(tagged) != TAG_BYTES or not is_tag(
        keyring, Purpose.CLAIM, encode(tagged), value, made_at
    ):
        return None
    return Claim(value, int.from_bytes(made_at, "big"))


def write(
    response: web.StreamResponse,
    claim: Claim,
    keyring: Keyring,
    now: int,
    *,
    secure: bool,
) -> None:
    """Send a claim along with an answer."""
    made_at = now if claim.made_at is None else claim.made_at
    stated = made_at.to_bytes(_TIME_BYTES, "big")
    tagged = decode(tag(keyring, Purpose.CLAIM, claim.value, stated))
    cookies.write(
        response,
        COOKIE,
        encode(claim.value + stated + tagged),
        max_age_seconds=MAX_AGE_SECONDS,
        secure=secure,
    )
