# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Rate limiter for clients, in bounded memory.

The generic cell rate algorithm (GCRA, ITU-T I.371): each key has one number,
the time at which its full burst is available again. A key is usually a
client's network, as `client_network` returns it; any hashable value will do.
`now` is in seconds of a clock of the caller, the same for all calls.

Limits are per process: two replicas allow twice as much.
"""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network
from typing import Final

Address = IPv4Address | IPv6Address

MAX_KEYS: Final = 10_000
"""Beyond that, the keys that were idle for longest are dropped. A client with
so many networks is bounded by the total, where a limiter has one."""
_IPV6_HOST_BITS: Final = 64
# RFC 7755: behind a translator, an IPv4 client arrives as this prefix and its
# address. All of IPv4 would be one network of 64 bits.
_NAT64: Final = IPv6Network("64:ff9b::/96")
_IPV4_MASK: Final = 2**32 - 1


@dataclass(frozen=True, slots=True)
class Limit:
    """`burst` at once, and one more every `interval_ms` milliseconds."""

    burst: int
    interval_ms: int


class RateLimited(Exception):
    """The limit is reached; retry in `retry_after_seconds`."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(retry_after_seconds)
        self.retry_after_seconds = retry_after_seconds


class RateLimiter:
    """A limit for each key, and optionally one for all keys together.

    `error` is the type that it raises.
    """

    def __init__(
        self,
        limit: Limit,
        total: Limit | None = None,
        *,
        error: type[RateLimited] = RateLimited,
        max_keys: int = MAX_KEYS,
    ) -> None:
        self.limit = limit
        self.total = total
        self._error = error
        self.refused = 0
        """Number of times that `check` or `acquire` has raised RateLimited."""
        self._max_keys = max_keys
        self._available_at: OrderedDict[Hashable, int] = OrderedDict()
        self._total_available_at = 0

    def wait_seconds(self, *keys: Hashable, now: float, cost: int = 1) -> int:
        """Return the seconds until all of these keys may spend `cost`.

        0 if they may now. A cost above the burst counts as the burst.
        """
        now_ms = int(now * 1000)
        waits = [
            _wait_ms(self.limit, self._available_at.get(key, 0), now_ms, cost)
            for key in keys
        ]
        if self.total is not None:
            waits.append(
                _wait_ms(self.total, self._total_available_at, now_ms, cost)
            )
        return -(-max([0, *waits]) // 1000)

    def check(self, *keys: Hashable, now: float, cost: int = 1) -> None:
        """Raise RateLimited unless all of these keys may spend `cost`."""
        wait = self.wait_seconds(*keys, now=now, cost=cost)
        if wait:
            self.refused += 1
            raise self._error(wait)

    def spend(self, *keys: Hashable, now: float, cost: int = 1) -> None:
        """Count `cost` for each key and once in the total, without a check."""
        now_ms = int(now * 1000)
        for key in dict.fromkeys(keys):
            known = self._available_at.pop(key, 0)
            self._available_at[key] = _full_at(self.limit, known, now_ms, cost)
        if self.total is not None:
            self._total_available_at = _full_at(
                self.total, self._total_available_at, now_ms, cost
            )
        while len(self._available_at) > self._max_keys:
            self._available_at.popitem(last=False)

    def acquire(self, *keys: Hashable, now: float, cost: int = 1) -> None:
        """Count one action for all of these keys, or for none of them.

        Raises RateLimited if one of them has reached its limit.
        """
        self.check(*keys, now=now, cost=cost)
        self.spend(*keys, now=now, cost=cost)

    def __len__(self) -> int:
        """Return the number of keys in memory."""
        return len(self._available_at)


class RecentKeys:
    """A set whose members expire after `seconds`, or earlier if it is full."""

    def __init__(self, seconds: float, *, max_keys: int = MAX_KEYS) -> None:
        self._seconds = seconds
        self._max_keys = max_keys
        self._until: OrderedDict[Hashable, float] = OrderedDict()

    def add(self, key: Hashable, now: float) -> None:
        """Add a member, or extend its time."""
        self._until.pop(key, None)
        self._until[key] = now + self._seconds
        while len(self._until) > self._max_keys:
            self._until.popitem(last=False)

    def has(self, key: Hashable, now: float) -> bool:
        """Return whether a key was added within the last `seconds`."""
        until = self._until.get(key)
        # If the clock is set back, no member must stay for long.
        return until is not None and 0 <= until - now <= self._seconds

    def __len__(self) -> int:
        """Return the number of members, including expired ones."""
        return len(self._until)


@lru_cache(maxsize=4096)
def client_network(address: Address | None) -> Hashable:
    """Return a client's network, as a key.

    It is an IPv4 address, or the first 64 bits of an IPv6 address: one home
    network, or one server, has that many. An IPv4 address that is written as
    IPv6 is the same as the IPv4 address. All clients without an address share
    None.
    """
    if address is None:
        return None
    if isinstance(address, IPv4Address):
        return 4, int(address)
    if address.ipv4_mapped is not None:
        return 4, int(address.ipv4_mapped)
    if address in _NAT64:
        return 4, int(address) & _IPV4_MASK
    return 6, int(address) >> _IPV6_HOST_BITS


def _ms_until_full(limit: Limit, available_at: int, now_ms: int) -> int:
    """Return the milliseconds until the full burst is available again.

    At most those of a burst: if the clock is set back, no client must be
    locked out for long.
    """
    return min(max(available_at - now_ms, 0), limit.burst * limit.interval_ms)


def _wait_ms(limit: Limit, available_at: int, now_ms: int, cost: int) -> int:
    available = (limit.burst - min(cost, limit.burst)) * limit.interval_ms
    return _ms_until_full(limit, available_at, now_ms) - available


def _full_at(limit: Limit, available_at: int, now_ms: int, cost: int) -> int:
    ahead = _ms_until_full(limit, available_at, now_ms)
    return now_ms + ahead + cost * limit.interval_ms
