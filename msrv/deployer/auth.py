"""The desk: who may ask for what, and how often.

A wrong secret, an unknown target and a network that is not on the list are
one answer: nothing is here. Genuine hooks are limited for each target, and
forged ones for each address; so forging costs the forger and nobody else.
"""

import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Final

from msrv.deployer.config_model import Target
from msrv.forwarded import Address
from msrv.rate_limit import Limit, RateLimited, RateLimiter, client_network

_FORGED: Final = Limit(burst=30, interval_ms=2000)
_GENUINE: Final = Limit(burst=20, interval_ms=5000)


class NotHere(Exception):
    """What is asked for is not for whoever asks."""


@dataclass(frozen=True, slots=True)
class TooMany(Exception):
    """Whoever asks has to wait."""

    seconds: int


class Desk:
    """Decides; holds nothing but the limits."""

    def __init__(self, ticks: Callable[[], float] = time.monotonic) -> None:
        self._ticks = ticks
        self._forged = RateLimiter(_FORGED)
        self._genuine = RateLimiter(_GENUINE)

    def before_reading(self, client: Address | None) -> None:
        """Refuse to read a body for whoever has forged too much.

        Raises TooMany.
        """
        _check(self._forged, client_network(client), self._ticks())

    def decide(
        self,
        target: Target | None,
        client: Address | None,
        *,
        genuine: bool,
    ) -> Target:
        """Give the target, if it may be asked for now.

        Raises NotHere, TooMany.
        """
        now = self._ticks()
        if target is None or not genuine or not _is_allowed(target, client):
            _take(self._forged, client_network(client), now)
            raise NotHere
        _take(self._genuine, target.name, now)
        return target


def _check(limiter: RateLimiter, key: Hashable, now: float) -> None:
    try:
        limiter.check(key, now=now)
    except RateLimited as error:
        raise TooMany(error.retry_after_seconds) from None


def _take(limiter: RateLimiter, key: Hashable, now: float) -> None:
    _check(limiter, key, now)
    limiter.spend(key, now=now)


def _is_allowed(target: Target, client: Address | None) -> bool:
    networks = target.allow_networks
    return not networks or (
        client is not None and any(client in each for each in networks)
    )
