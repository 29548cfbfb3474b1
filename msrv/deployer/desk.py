"""The desk: who may ask for what, and how often.

A wrong secret, an unknown target and a network that is not on the list are
one answer: nothing is here. Genuine hooks are limited for each target, and
forged ones for each address; so forging costs the forger and nobody else.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from msrv.deployer.limits import Address, Limiter, key_of
from msrv.deployer.targets import Target
from msrv.settings import Network

_FORGED_BURST: Final = 30
_FORGED_PER_SECOND: Final = 0.5
_GENUINE_BURST: Final = 20
_GENUINE_PER_SECOND: Final = 0.2


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
        self._forged = Limiter(
            burst=_FORGED_BURST, per_second=_FORGED_PER_SECOND
        )
        self._genuine = Limiter(
            burst=_GENUINE_BURST, per_second=_GENUINE_PER_SECOND
        )

    def before_reading(self, client: Address | None) -> None:
        """Refuse to read a body for whoever has forged too much.

        Raises TooMany.
        """
        wait = self._forged.wait(key_of(client), self._ticks())
        if wait:
            raise TooMany(wait)

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
            wait = self._forged.take(key_of(client), now)
            raise TooMany(wait) if wait else NotHere
        wait = self._genuine.take(target.name, now)
        if wait:
            raise TooMany(wait)
        return target


def _is_allowed(target: Target, client: Address | None) -> bool:
    networks = target.allow_networks
    return not networks or (
        client is not None and any(client in each for each in networks)
    )


def client_of(
    peer: str | None, forwarded: list[str], trusted: tuple[Network, ...]
) -> Address | None:
    """Find who asks: the last address that no trusted proxy has.

    `peer` is the connection's other end, `forwarded` every X-Forwarded-For
    header. A proxy writes its neighbour at the end; what is before the first
    address that we don't trust may be anybody's invention.
    """
    found = _address(peer or "")
    hops = [each.strip() for each in ",".join(forwarded).split(",")]
    while found is not None and any(found in each for each in trusted):
        before = _address(hops.pop()) if hops else None
        if before is None:
            break
        found = before
    return found


def _address(text: str) -> Address | None:
    try:
        found = ip_address(text)
    except ValueError:
        return None
    if found.version == 6 and found.ipv4_mapped is not None:
        return found.ipv4_mapped
    return found
