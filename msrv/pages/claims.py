"""Who redeemed a code: a random claim in a cookie of their browser.

A code becomes an order that depends on the claim. So who lost the answer
gets the same receipt by asking again, and whoever else types the code does
not. The cookie says nothing about anybody, and goes to `/redeem` alone.
"""

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from msrv.proofs.codes import CLAIM_BYTES
from msrv.proofs.encoding import decode, encode
from msrv.proofs.errors import Forged

COOKIE: Final = "claim"
PATH: Final = "/redeem"
MAX_AGE_SECONDS: Final = 30 * 24 * 3600


def read(cookies: Mapping[str, str]) -> bytes | None:
    """Read the claim that came with a request, None where there is none."""
    try:
        claim = decode(cookies.get(COOKIE, "")[:64])
    except Forged:
        return None
    return claim if len(claim) == CLAIM_BYTES else None


def write(response: web.StreamResponse, claim: bytes, *, secure: bool) -> None:
    """Send a claim along with an answer."""
    response.set_cookie(
        COOKIE,
        encode(claim),
        max_age=MAX_AGE_SECONDS,
        path=PATH,
        secure=secure,
        httponly=True,
        samesite="Lax",
    )
