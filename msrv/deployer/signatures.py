"""Whether a hook is genuine. Pure: time and memory are parameters.

Comparisons take as long for a wrong secret as for the right one, and for a
target that has none as for one that has.
"""

import hashlib
import hmac
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Final

TOLERANCE_SECONDS: Final = 300
"""How far a signed time may be from ours; replays are remembered longer."""
MAX_REMEMBERED: Final = 256
_NOTHING: Final = "no secret is this long, and none is compared with it in"
_PREFIX: Final = "sha256="


def same(given: str, secret: str | None) -> bool:
    """Compare in constant time; a missing secret equals nothing."""
    expected = secret if secret is not None else _NOTHING
    equal = hmac.compare_digest(
        given.encode("utf-8", "surrogateescape"), expected.encode()
    )
    return equal and secret is not None


def signature(secret: str, body: bytes, timestamp: str | None = None) -> str:
    """Sign a body as GitHub does: `sha256=` and the HMAC in hexadecimal.

    With a timestamp (Unix seconds), what is signed is `timestamp.body`.
    """
    signed = body if timestamp is None else timestamp.encode() + b"." + body
    made = hmac.new(secret.encode(), signed, hashlib.sha256)
    return _PREFIX + made.hexdigest()


def is_signed(
    given: str,
    body: bytes,
    secret: str | None,
    timestamp: str | None,
    now: float,
    *,
    without_timestamp: bool,
) -> bool:
    """Whether a body was signed with the secret, and recently.

    `given` is the header X-Hub-Signature-256. A timestamp that is there
    counts; one that isn't is forgiven where the target says so.
    """
    key = secret if secret is not None else _NOTHING
    is_recent = without_timestamp
    signed_at = None
    if timestamp is not None:
        # Nothing else is an integer here: no sign, no space, no underscore.
        is_number = timestamp.isascii() and timestamp.isdecimal()
        signed_at = timestamp if is_number and len(timestamp) < 16 else ""
        is_recent = (
            bool(signed_at) and abs(int(signed_at) - now) <= TOLERANCE_SECONDS
        )
    expected = signature(key, body, signed_at)
    equal = hmac.compare_digest(
        given.encode("utf-8", "surrogateescape"), expected.encode()
    )
    return equal and is_recent and secret is not None


class Seen:
    """The signatures of late, so that the same hook counts once.

    Where there is a timestamp, `MAX_REMEMBERED` in twice the tolerance is
    more than the limit on genuine hooks lets through.
    """

    def __init__(self, signatures: Iterable[str] = ()) -> None:
        self._seen: OrderedDict[str, None] = OrderedDict.fromkeys(signatures)

    def again(self, signature: str) -> bool:
        """Whether this one was here before; it is remembered from now on."""
        if signature in self._seen:
            return True
        self._seen[signature] = None
        while len(self._seen) > MAX_REMEMBERED:
            self._seen.popitem(last=False)
        return False

    def __iter__(self) -> Iterator[str]:
        return iter(self._seen)
