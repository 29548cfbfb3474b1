"""How often may somebody be wrong? Of one network, and in all.

Who guesses codes is wrong nearly always, and who holds one nearly never: only
what was wrong is counted. Each network, and the store as a whole, can be
wrong so often at once, and once more each so many seconds.
"""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Final

MAX_NETWORKS: Final = 10_000
"""Of more, those that were wrong longest ago are forgotten. Whoever has that
many networks is held by what all may do together."""
_IPV6_NETWORK_BITS: Final = 64


@dataclass(frozen=True, slots=True)
class Allowance:
    """So many at once, and one more every `each_ms` milliseconds."""

    at_once: int
    each_ms: int


ONE: Final = Allowance(10, 60_000)
ALL: Final = Allowance(1000, 200)


class TooMany(Exception):
    """Enough for now; `wait_seconds` from now there may be one more."""

    def __init__(self, wait_seconds: int) -> None:
        super().__init__(wait_seconds)
        self.wait_seconds = wait_seconds


class Guesses:
    """Counts what was wrong. Of each network it keeps one number.

    That number is the time by which it is all forgiven: each wrong one moves
    it by what one costs, and it may not be further ahead than all that can be
    done at once costs.
    """

    def __init__(self, one: Allowance = ONE, total: Allowance = ALL) -> None:
        self._one = one
        self._total = total
        self._forgiven_at: OrderedDict[Hashable, int] = OrderedDict()
        self._all_forgiven_at = 0

    def check(self, client: Hashable, now: int) -> None:
        """See that one more may be wrong, at `now` in Unix seconds.

        `client` is an address, None for all who have none, or what else
        may be counted by.

        Raises TooMany, before anything is looked at: a guess that is not
        allowed is not answered, right or wrong.
        """
        network = network_of(client)
        wait = max(
            _wait(self._one, self._forgiven_at.get(network, 0), now),
            _wait(self._total, self._all_forgiven_at, now),
        )
        if wait > 0:
            raise TooMany(-(-wait // 1000))

    def spend(self, client: Hashable, now: int) -> None:
        """Count one more: one that was wrong."""
        network = network_of(client)
        known = self._forgiven_at.pop(network, 0)
        self._forgiven_at[network] = _later(self._one, known, now)
        self._all_forgiven_at = _later(self._total, self._all_forgiven_at, now)
        while len(self._forgiven_at) > MAX_NETWORKS:
            self._forgiven_at.popitem(last=False)

    def __len__(self) -> int:
        """Count the networks that are remembered."""
        return len(self._forgiven_at)


def network_of(client: Hashable) -> Hashable:
    """Give what counts as one: 64 bits of an IPv6 address, all of others."""
    if isinstance(client, IPv6Address):
        return int(client) >> _IPV6_NETWORK_BITS
    return client


def _ahead(allowance: Allowance, forgiven_at: int, now: int) -> int:
    """Say how many milliseconds it is ahead; no more than it can be.

    A clock that was set back must not keep anybody out for long.
    """
    most = allowance.at_once * allowance.each_ms
    return min(max(forgiven_at - now * 1000, 0), most)


def _wait(allowance: Allowance, forgiven_at: int, now: int) -> int:
    room = (allowance.at_once - 1) * allowance.each_ms
    return _ahead(allowance, forgiven_at, now) - room


def _later(allowance: Allowance, forgiven_at: int, now: int) -> int:
    ahead = _ahead(allowance, forgiven_at, now)
    return now * 1000 + ahead + allowance.each_ms
