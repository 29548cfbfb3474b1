# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Admission control: limits on open connections, in total and per network.

Descriptors are finite, and a store that has none left can't read its catalog,
store a webhook or open a download. So connections are counted from the moment
they are accepted:

- Each network (an IPv4 address, or a /64 of IPv6) has a limit.
- All together have a limit, whose last tenth is reserved for networks without
  a connection.
- A connection beyond a limit evicts an idle one: of those that have waited for
  a while the longest idle, of the network with the most connections first.
  Requests that are being handled are never evicted.
- A trusted proxy carries many visitors: only the total limits it, and its
  connections are evicted last.
- Loopback has a few connections beyond each limit, for health checks.

The activity of connections is computed only when one has to be evicted, so
that counting costs nearly nothing.
"""

import asyncio
import enum
import random
import time
from collections import deque
from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from typing import Final, NamedTuple

from msrv.rate_limit import Address, client_network

GRACE_SECONDS: Final = 3.0
"""Time in a phase before a connection counts as idle: several round trips."""
UNTAKEN_SECONDS: Final = 15.0
"""Time of writing a response after which its client counts as idle."""
LOCAL_EXTRA: Final = 8
"""Connections of loopback beyond each limit."""
RESERVED_SHARE: Final = 10
"""One in this many is reserved for networks without a connection."""
_POLL_SECONDS: Final = 0.02
_CANDIDATES: Final = 64
_MAX_COMPARED: Final = 2048
"""Connections that are compared at once, which takes a millisecond or two: of
more, a random part."""
"""Number of candidates selected in one pass over all connections."""


class Phase(enum.IntEnum):
    """Phase of a connection."""

    OPENING = 0
    """Nothing has been received, or a TLS handshake is under way."""
    READING_HEAD = 1
    """Reading a request's headers, or idle between requests."""
    READING_BODY = 2
    """Reading a request's body."""
    WRITING = 3
    """Waiting for the client to receive a response."""
    HANDLING = 4
    """Handling a request."""


class Activity(NamedTuple):
    """Phase, and its start in seconds of `time.monotonic`."""

    phase: Phase
    since: float


class AdmissionRefused(Exception):
    """The limit is reached, and no connection can be evicted."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """Limits on open connections, in total and per network."""

    total: int
    per_network: int


class ConnectionSlot:
    """Slot of one connection, from its acceptance until it is released."""

    __slots__ = (
        "_abort",
        "_activity",
        "_admission",
        "at",
        "is_proxy",
        "network",
    )

    def __init__(
        self,
        admission: "Admission",
        network: Hashable,
        at: float,
        *,
        is_proxy: bool,
    ) -> None:
        self._admission: Admission | None = admission
        self._abort: Callable[[], None] | None = None
        self._activity: Callable[[], Activity] | None = None
        self.network = network
        self.at = at
        self.is_proxy = is_proxy

    def set_abort(self, abort: Callable[[], None]) -> None:
        """Set the function that aborts the connection."""
        self._abort = abort

    def set_activity(self, activity: Callable[[], Activity]) -> None:
        """Set the function that returns the connection's activity."""
        self._activity = activity

    def activity(self) -> Activity:
        """Return the connection's activity now."""
        if self._activity is None:
            return Activity(Phase.OPENING, self.at)
        return self._activity()

    @property
    def is_held(self) -> bool:
        """True if the connection is still counted."""
        return self._admission is not None

    def evict(self) -> None:
        """Release the slot and abort the connection."""
        abort = self._abort
        self.release()
        if abort is not None:
            abort()

    def mark_closing(self) -> None:
        """Mark the connection as finished except for the peer's close."""
        self._activity, self.at = None, time.monotonic()

    def release(self) -> None:
        """Release the slot. Idempotent."""
        admission, self._admission = self._admission, None
        self._abort = self._activity = None
        if admission is not None:
            admission._release(self)  # noqa: SLF001 - its counterpart


class Admission:
    """Counts and limits the connections of this process.

    `is_proxy` returns whether an address is a trusted proxy's. `clock` is
    monotonic, in seconds.
    """

    def __init__(
        self,
        limits: ConnectionLimits,
        *,
        is_proxy: Callable[[Address], bool] = lambda _: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = limits
        self._reserved = limits.total // RESERVED_SHARE
        self._is_proxy = is_proxy
        self._clock = clock
        self._slots: dict[ConnectionSlot, None] = {}
        self._by_network: dict[Hashable, dict[ConnectionSlot, None]] = {}
        self._candidates: deque[tuple[ConnectionSlot, Activity]] = deque()
        self.evicted = 0
        """Number of connections evicted since the start."""
        self.refused = 0
        """Number of connections refused since the start."""

    def __len__(self) -> int:
        """Return the number of open connections."""
        return len(self._slots)

    def admit(self, peer: object) -> ConnectionSlot:
        """Count a connection of a socket's address, evicting another if due.

        Raises AdmissionRefused.
        """
        address = _address(peer)
        network = client_network(address)
        is_proxy = address is not None and self._is_proxy(address)
        is_local = address is not None and address.is_loopback
        if not self._make_room_for(
            network, is_proxy=is_proxy, is_local=is_local
        ):
            self.refused += 1
            raise AdmissionRefused
        slot = ConnectionSlot(self, network, self._clock(), is_proxy=is_proxy)
        self._slots[slot] = None
        self._by_network.setdefault(network, {})[slot] = None
        return slot

    async def wait_until_opened(self) -> None:
        """Wait for the first requests of connections that were just accepted.

        For GRACE_SECONDS each: a silent one is not waited for.
        """
        while any(map(self._is_opening, self._slots)):  # noqa: ASYNC110 - whatever comes first
            await asyncio.sleep(_POLL_SECONDS)

    def _is_opening(self, slot: ConnectionSlot) -> bool:
        phase, since = slot.activity()
        return phase is Phase.OPENING and self._clock() - since < GRACE_SECONDS

    def shed(self, count: int) -> int:
        """Evict up to `count` idle connections; return how many."""
        done = 0
        while done < count and self._evict_one():
            done += 1
        return done

    def _make_room_for(
        self, network: Hashable, *, is_proxy: bool, is_local: bool
    ) -> bool:
        """Return whether one more is allowed, evicting another if due."""
        held = len(self._by_network.get(network, ()))
        extra = LOCAL_EXTRA if is_local else 0
        if (
            not is_proxy
            and held >= self._limits.per_network
            and not self._evict_from(network)
            and held >= self._limits.per_network + extra
        ):
            return False
        most = self._limits.total
        if held and not is_proxy:
            most -= self._reserved
        if len(self._slots) < most or self._evict_one():
            return True
        return len(self._slots) < self._limits.total + extra and bool(extra)

    def _evict_from(self, network: Hashable) -> bool:
        """Evict the longest idle connection of a network, if any."""
        now = self._clock()
        best, slot = None, None
        for each in self._by_network[network]:
            activity = each.activity()
            order = _rank(activity, now), _waiting_rank(activity)
            if activity.phase < Phase.HANDLING and (
                best is None or order < best
            ):
                best, slot = order, each
        if slot is None:
            return False
        self._evict(slot)
        return True

    def _evict_one(self) -> bool:
        """Evict the connection that ranks first, if any is idle."""
        if not self._candidates:
            self._collect_candidates()
        while self._candidates:
            slot, seen = self._candidates.popleft()
            if slot.is_held and slot.activity() == seen:
                self._evict(slot)
                return True
        return False

    def _collect_candidates(self) -> None:
        """Collect the next candidates for eviction, in their order."""
        now = self._clock()
        found = []
        slots: Collection[ConnectionSlot] = self._slots
        if len(slots) > _MAX_COMPARED:
            slots = random.sample([*slots], _MAX_COMPARED)
        for slot in slots:
            activity = slot.activity()
            if activity.phase < Phase.HANDLING:
                order = (
                    slot.is_proxy,
                    _rank(activity, now),
                    -len(self._by_network[slot.network]),
                    _waiting_rank(activity),
                )
                found.append((order, slot, activity))
        found.sort(key=lambda each: each[0])
        # Only some: their activity changes meanwhile.
        count = max(1, min(_CANDIDATES, len(found) // 4))
        self._candidates.extend(
            (slot, activity) for _, slot, activity in found[:count]
        )

    def _evict(self, slot: ConnectionSlot) -> None:
        self.evicted += 1
        slot.evict()

    def _release(self, slot: ConnectionSlot) -> None:
        del self._slots[slot]
        of_network = self._by_network[slot.network]
        del of_network[slot]
        if not of_network:
            del self._by_network[slot.network]


def _rank(activity: Activity, now: float) -> int:
    """Return the rank of an activity: the lowest is evicted first."""
    phase, seconds = activity.phase, now - activity.since
    if phase is Phase.WRITING:
        return 1 if seconds >= UNTAKEN_SECONDS else 3
    if seconds < GRACE_SECONDS:
        return 2
    return 1 if phase is Phase.READING_BODY else 0


def _waiting_rank(activity: Activity) -> tuple[bool, float]:
    """Return the rank among activities of one `_rank`.

    Connections that have had a response come before those that are opening.
    """
    return activity.phase is Phase.OPENING, activity.since


@lru_cache(maxsize=4096)
def _parse_address(host: str) -> Address | None:
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _address(peer: object) -> Address | None:
    """Return the IP address of a peer, None for a Unix socket."""
    if isinstance(peer, tuple) and peer and isinstance(peer[0], str):
        return _parse_address(peer[0])
    return None
