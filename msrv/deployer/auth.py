# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Authorisation of hooks: signatures, replays, networks and rate limits.

Pure, apart from the limits: time and what is remembered are parameters.

A wrong secret, an unknown target and a network that is not on the list get
the same response, 404. Genuine hooks are limited by target, and forged ones
by the client's network, so that a forger slows down no other client.
Comparisons take as long for a wrong secret as for the right one, and for a
target without a secret as for one that has one.
"""

import hashlib
import hmac
import json
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from msrv.deployer.config_model import Target
from msrv.forwarded_headers import Address
from msrv.rate_limit import Limit, RateLimiter, client_network

TOLERANCE_SECONDS: Final = 300
"""Largest difference between a signed time and ours."""
MAX_SIGNATURES: Final = 256
"""In twice the tolerance, the limit on genuine hooks allows fewer."""
REPLAY_SECONDS: Final = 600
"""Time for which a hook without a signature is remembered."""
MAX_FINGERPRINTS: Final = 512
"""Twice as many as the limit on genuine hooks allows in that time."""

_FORGED: Final = Limit(burst=30, interval_ms=2000)
_GENUINE: Final = Limit(burst=20, interval_ms=5000)
# Compared with instead of a secret that isn't configured.
_UNSET: Final = "no secret is this long, and none is compared with it in"
_PREFIX: Final = "sha256="


class Denied(Exception):
    """The hook is not genuine, or the client may not know of the target."""


class HookGuard:
    """Decides which hooks are accepted; holds the rate limits.

    `ticks` returns monotonic seconds.
    """

    def __init__(self, ticks: Callable[[], float] = time.monotonic) -> None:
        self._ticks = ticks
        self._forged = RateLimiter(_FORGED)
        self._genuine = RateLimiter(_GENUINE)

    def check_client(self, client: Address | None) -> None:
        """Raise RateLimited for a client that has sent too many forgeries.

        For requests whose body has to be read before they can be authorised.
        """
        self._forged.check(client_network(client), now=self._ticks())

    def authorise(
        self,
        target: Target | None,
        client: Address | None,
        *,
        genuine: bool,
    ) -> Target:
        """Return the target if this hook may start a deployment of it now.

        Raises Denied, RateLimited.
        """
        now = self._ticks()
        if (
            target is None
            or not genuine
            or not _is_in_allowed_network(target, client)
        ):
            network = client_network(client)
            self._forged.check(network, now=now)
            self._forged.spend(network, now=now)
            raise Denied
        self._genuine.check(target.name, now=now)
        self._genuine.spend(target.name, now=now)
        return target


def _is_in_allowed_network(target: Target, client: Address | None) -> bool:
    networks = target.allow_networks
    return not networks or (
        client is not None and any(client in each for each in networks)
    )


def secrets_equal(given: str, secret: str | None) -> bool:
    """Compare in constant time; a missing secret equals nothing."""
    expected = secret if secret is not None else _UNSET
    equal = hmac.compare_digest(
        given.encode("utf-8", "surrogateescape"), expected.encode()
    )
    return equal and secret is not None


def sign(secret: str, body: bytes, timestamp: str | None = None) -> str:
    """Return a signature as GitHub makes it: `sha256=` and the HMAC in hex.

    With a timestamp (Unix seconds), what is signed is `timestamp.body`.
    """
    signed = body if timestamp is None else timestamp.encode() + b"." + body
    return (
        _PREFIX + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    )


def is_signed(
    signature: str,
    body: bytes,
    secret: str | None,
    timestamp: str | None,
    now: float,
    *,
    without_timestamp: bool,
) -> bool:
    """Return whether a body was signed with the secret, and recently.

    `signature` is the header X-Hub-Signature-256. A timestamp that was sent
    is checked; a missing one is accepted `without_timestamp`.
    """
    key = secret if secret is not None else _UNSET
    is_recent = without_timestamp
    signed_at = None
    if timestamp is not None:
        # Digits alone: int() would accept a sign, spaces and underscores.
        is_number = timestamp.isascii() and timestamp.isdecimal()
        signed_at = timestamp if is_number and len(timestamp) < 16 else ""
        is_recent = (
            bool(signed_at) and abs(int(signed_at) - now) <= TOLERANCE_SECONDS
        )
    expected = sign(key, body, signed_at)
    equal = hmac.compare_digest(
        signature.encode("utf-8", "surrogateescape"), expected.encode()
    )
    return equal and is_recent and secret is not None


class RecentSignatures:
    """The last MAX_SIGNATURES signatures, each of which counts once."""

    def __init__(self, signatures: Iterable[str] = ()) -> None:
        self._seen: OrderedDict[str, None] = OrderedDict.fromkeys(signatures)

    def add(self, signature: str) -> bool:
        """Add a signature, and return whether it is new."""
        if signature in self._seen:
            return False
        self._seen[signature] = None
        while len(self._seen) > MAX_SIGNATURES:
            self._seen.popitem(last=False)
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(self._seen)


def fingerprint(kind: str, value: object) -> str:
    """Return a digest that identifies a hook, or the push it is about.

    Equal JSON has equal digests, however it is written.
    """
    text = json.dumps([kind, value], sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def is_replay(
    seen_at: dict[str, int], fingerprints: tuple[str, ...], now: int
) -> bool:
    """Return whether a hook with one of these fingerprints came recently.

    `seen_at` holds the Unix time at which each was first seen. New ones are
    added, and those older than REPLAY_SECONDS removed; a clock that was set
    back makes nothing older.
    """
    for each in [
        each
        for each, first in seen_at.items()
        if now - first >= REPLAY_SECONDS
    ]:
        del seen_at[each]
    found = any(each in seen_at for each in fingerprints)
    for each in fingerprints:
        seen_at.setdefault(each, now)
    while len(seen_at) > MAX_FINGERPRINTS:
        del seen_at[next(iter(seen_at))]
    return found
