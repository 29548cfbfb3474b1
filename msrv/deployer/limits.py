"""Limits: how often somebody may ask, counted in bounded memory.

A bucket holds `burst` tokens and gains `per_second`; a request takes one.
Time is given by whoever asks, in seconds of a clock that never goes back.
"""

import math
from collections import OrderedDict
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import Final

Address = IPv4Address | IPv6Address

MAX_KEYS: Final = 4096
"""Who asked longest ago is forgotten first, and starts with a full bucket:
a flood from that many addresses is not stopped by counting them."""
_IPV6_BITS: Final = 64


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class Limiter:
    """A bucket for each key."""

    def __init__(
        self, *, burst: int, per_second: float, max_keys: int = MAX_KEYS
    ) -> None:
        self._burst = burst
        self._per_second = per_second
        self._max_keys = max_keys
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def take(self, key: str, now: float) -> int:
        """Take a token: 0, or the whole seconds until there is one."""
        bucket = self._fill(key, now)
        if bucket.tokens >= 1:
            bucket.tokens -= 1
            return 0
        return math.ceil((1 - bucket.tokens) / self._per_second)

    def wait(self, key: str, now: float) -> int:
        """Say what `take` would, without taking."""
        bucket = self._buckets.get(key)
        if bucket is None:
            return 0
        tokens = self._tokens(bucket, now)
        return 0 if tokens >= 1 else math.ceil((1 - tokens) / self._per_second)

    def __len__(self) -> int:
        return len(self._buckets)

    def _tokens(self, bucket: _Bucket, now: float) -> float:
        gained = (now - bucket.at) * self._per_second
        return min(self._burst, bucket.tokens + gained)

    def _fill(self, key: str, now: float) -> _Bucket:
        bucket = self._buckets.pop(key, None)
        if bucket is None:
            if len(self._buckets) >= self._max_keys:
                self._buckets.popitem(last=False)
            bucket = _Bucket(self._burst, now)
        else:
            bucket.tokens = self._tokens(bucket, now)
            bucket.at = now
        self._buckets[key] = bucket
        return bucket


def key_of(address: Address | None) -> str:
    """Name whom an address belongs to: of IPv6, its network of 64 bits."""
    if address is None:
        return "-"
    if address.version == 6:
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        host_bits = 128 - _IPV6_BITS
        return str(IPv6Address(int(address) >> host_bits << host_bits))
    return str(address)
