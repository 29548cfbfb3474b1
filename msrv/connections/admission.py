"""Admission: how many connections may be open, in all and by network.

Descriptors are finite, and a store that has none left can't read its catalog,
keep a payment message or open a download. So connections are counted from the
moment they are accepted:

- Each network (an IPv4 address, or 64 bits of IPv6) has a limit.
- All together have a limit, whose last tenth is for networks that hold no
  connection yet.
- A connection beyond a limit takes the place of one that asks for nothing:
  of those that have waited for a while the longest idle, first of the network
  that holds most. What is being answered is not cut for it.
- A trusted proxy stands for many visitors: it is bounded by the total alone,
  and cut last.
- This machine itself has a few more, so that its health checks get through.

What a connection is doing is asked only when one has to go, since counting
must cost nearly nothing.
"""

import enum
import time
from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_address
from typing import Final, NamedTuple

from msrv.rate_limit import Address, client_network

GRACE_SECONDS: Final = 3.0
"""Time that a connection may take over a step before it can be cut for a new
one: several round trips."""
UNTAKEN_SECONDS: Final = 15.0
"""Time without progress on an answer after which its client counts as idle."""
LOCAL_EXTRA: Final = 8
"""Connections of this machine beyond every limit."""
KEPT_SHARE: Final = 10
"""One in so many is kept for networks that hold none."""
_CANDIDATES: Final = 64
"""Number of candidates chosen in one pass over all connections."""


class Step(enum.IntEnum):
    """Step that a connection is in."""

    SILENT = 0
    """Nothing has come in, or a TLS handshake is under way."""
    ASKING = 1
    """The headers of a request are awaited or under way, or it is idle."""
    SENDING_BODY = 2
    """The client sends a request's body."""
    TAKING = 3
    """The client takes its time over an answer."""
    BUSY = 4
    """A request is being answered."""


class Doing(NamedTuple):
    """A step, and since when (in seconds of `time.monotonic`)."""

    step: Step
    since: float


class Refused(Exception):
    """There is no room for a connection, and none that could go."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits on the number of connections."""

    total: int
    per_network: int


class Slot:
    """One connection's place, from its acceptance until it is released."""

    __slots__ = ("_admission", "_cut", "_doing", "at", "is_proxy", "network")

    def __init__(
        self,
        admission: "Admission",
        network: Hashable,
        at: float,
        *,
        is_proxy: bool,
    ) -> None:
        self._admission: Admission | None = admission
        self._cut: Callable[[], None] | None = None
        self._doing: Callable[[], Doing] | None = None
        self.network = network
        self.at = at
        self.is_proxy = is_proxy

    def ends_by(self, cut: Callable[[], None]) -> None:
        """Set the function that cuts the connection off, at once."""
        self._cut = cut

    def tells_by(self, doing: Callable[[], Doing]) -> None:
        """Set the function that returns what the connection is doing."""
        self._doing = doing

    def doing(self) -> Doing:
        """Return what the connection is doing."""
        if self._doing is None:
            return Doing(Step.SILENT, self.at)
        return self._doing()

    @property
    def is_held(self) -> bool:
        """Whether the connection is counted still."""
        return self._admission is not None

    def cut(self) -> None:
        """Cut the connection off, and release its place."""
        cut = self._cut
        self.release()
        if cut is not None:
            cut()

    def leaves(self) -> None:
        """Mark the connection as finished but for the peer's closing it."""
        self._doing, self.at = None, time.monotonic()

    def release(self) -> None:
        """Release the place; more than once is the same as once."""
        admission, self._admission = self._admission, None
        self._cut = self._doing = None
        if admission is not None:
            admission._release(self)  # noqa: SLF001 - two halves of one thing


class Admission:
    """Counts the connections of this process.

    `is_proxy` says whether an address is a trusted proxy's. `clock` counts
    seconds and never goes back.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        is_proxy: Callable[[Address], bool] = lambda _: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = limits
        self._kept = limits.total // KEPT_SHARE
        self._is_proxy = is_proxy
        self._clock = clock
        self._slots: dict[Slot, None] = {}
        self._of_network: dict[Hashable, dict[Slot, None]] = {}
        self._candidates: deque[tuple[Slot, Doing]] = deque()
        self.cut = 0
        """Number of connections cut for others, since the start."""
        self.refused = 0
        """Number of connections refused, since the start."""

    def __len__(self) -> int:
        """Count the open connections."""
        return len(self._slots)

    def admit(self, peer: object) -> Slot:
        """Count a connection from a socket's address, cutting off another.

        Raises Refused.
        """
        address = _address(peer)
        network = client_network(address)
        is_proxy = address is not None and self._is_proxy(address)
        is_local = address is not None and address.is_loopback
        if not self._has_room(network, is_proxy=is_proxy, is_local=is_local):
            self.refused += 1
            raise Refused
        slot = Slot(self, network, self._clock(), is_proxy=is_proxy)
        self._slots[slot] = None
        self._of_network.setdefault(network, {})[slot] = None
        return slot

    def shed(self, count: int) -> int:
        """Cut off up to so many that ask for nothing; return how many."""
        done = 0
        while done < count and self._make_room():
            done += 1
        return done

    def _has_room(
        self, network: Hashable, *, is_proxy: bool, is_local: bool
    ) -> bool:
        """See to it that there is room for one more of a network."""
        held = len(self._of_network.get(network, ()))
        extra = LOCAL_EXTRA if is_local else 0
        if (
            not is_proxy
            and held >= self._limits.per_network
            and not self._make_room_in(network)
            and held >= self._limits.per_network + extra
        ):
            return False
        most = self._limits.total
        if held and not is_proxy:
            most -= self._kept
        if len(self._slots) < most or self._make_room():
            return True
        return len(self._slots) < self._limits.total + extra and bool(extra)

    def _make_room_in(self, network: Hashable) -> bool:
        """Cut off a network's own longest idle connection."""
        now = self._clock()
        best, slot = None, None
        for each in self._of_network[network]:
            doing = each.doing()
            order = _order(doing, now), _wait(doing)
            if doing.step < Step.BUSY and (best is None or order < best):
                best, slot = order, each
        if slot is None:
            return False
        self._cut(slot)
        return True

    def _make_room(self) -> bool:
        """Cut off the connection that can best be spared."""
        if not self._candidates:
            self._look()
        while self._candidates:
            slot, seen = self._candidates.popleft()
            if slot.is_held and slot.doing() == seen:
                self._cut(slot)
                return True
        return False

    def _look(self) -> None:
        """Collect the candidates to be cut next, the best first."""
        now = self._clock()
        found = []
        for slot in self._slots:
            doing = slot.doing()
            if doing.step < Step.BUSY:
                order = (
                    slot.is_proxy,
                    _order(doing, now),
                    -len(self._of_network[slot.network]),
                    _wait(doing),
                )
                found.append((order, slot, doing))
        found.sort(key=lambda each: each[0])
        # Far fewer than there are: what they do changes meanwhile.
        count = max(1, min(_CANDIDATES, len(found) // 4))
        self._candidates.extend(
            (slot, doing) for _, slot, doing in found[:count]
        )

    def _cut(self, slot: Slot) -> None:
        self.cut += 1
        slot.cut()

    def _release(self, slot: Slot) -> None:
        del self._slots[slot]
        of_network = self._of_network[slot.network]
        del of_network[slot]
        if not of_network:
            del self._of_network[slot.network]


def _order(doing: Doing, now: float) -> int:
    """Rank what a connection is doing: the lowest can best be spared."""
    step, seconds = doing.step, now - doing.since
    if step is Step.TAKING:
        return 1 if seconds >= UNTAKEN_SECONDS else 3
    if seconds < GRACE_SECONDS:
        return 2
    return 1 if step is Step.SENDING_BODY else 0


def _wait(doing: Doing) -> tuple[bool, float]:
    """Rank those that have waited for about as long.

    First those that have had an answer: who has only just come has had none.
    """
    return doing.step is Step.SILENT, doing.since


@lru_cache(maxsize=4096)
def _parsed(host: str) -> Address | None:
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _address(peer: object) -> Address | None:
    """Read a socket's address; None where it has none (a Unix socket)."""
    if isinstance(peer, tuple) and peer and isinstance(peer[0], str):
        return _parsed(peer[0])
    return None
