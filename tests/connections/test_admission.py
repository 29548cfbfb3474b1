# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Admission: limits per network and in total, and evictions."""

import pytest

from msrv.connections.admission import (
    GRACE_SECONDS,
    LOCAL_EXTRA,
    UNTAKEN_SECONDS,
    Activity,
    Admission,
    AdmissionRefused,
    ConnectionLimits,
    ConnectionSlot,
    Phase,
)
from msrv.rate_limit import Address

LONG = max(GRACE_SECONDS, UNTAKEN_SECONDS) + 1


class Clock:
    """Clock in seconds, set by a test."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Visitors:
    """Connections opened by a test, and those that were evicted."""

    def __init__(
        self, total: int, per_network: int, proxy: str | None = None
    ) -> None:
        self.clock = Clock()
        self.proxy = proxy
        self.evicted: list[ConnectionSlot] = []
        self.admission = Admission(
            ConnectionLimits(total, per_network),
            is_proxy=self._is_proxy,
            clock=self.clock,
        )

    def _is_proxy(self, address: Address) -> bool:
        return str(address) == self.proxy

    def connect(
        self, host: str, phase: Phase = Phase.OPENING
    ) -> ConnectionSlot:
        """Open a connection, in one phase from now on."""
        slot = self.admission.admit((host, 4711))
        slot.set_abort(lambda: self.evicted.append(slot))
        if phase is not Phase.OPENING:
            activity = Activity(phase, self.clock.now)
            slot.set_activity(lambda: activity)
        self.clock.now += 0.001
        return slot


def test_network_at_its_limit_loses_its_own_longest_idle_connection() -> None:
    visitors = Visitors(total=100, per_network=3)
    other = visitors.connect("192.0.2.9")
    first, second, third = (visitors.connect("192.0.2.1") for _ in range(3))
    visitors.connect("192.0.2.1")
    visitors.connect("192.0.2.1")
    assert visitors.evicted == [first, second]
    assert other.is_held
    assert third.is_held
    assert len(visitors.admission) == 4


def test_requests_being_handled_are_not_evicted_for_new_connections() -> None:
    visitors = Visitors(total=100, per_network=2)
    held = [visitors.connect("192.0.2.1", Phase.HANDLING) for _ in range(2)]
    with pytest.raises(AdmissionRefused):
        visitors.connect("192.0.2.1")
    assert not visitors.evicted
    held[0].release()
    visitors.connect("192.0.2.1")
    assert visitors.admission.refused == 1


@pytest.mark.parametrize(
    ("one", "another", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("fe80::1%eth0", "fe80::2%eth0", True),
    ],
)
def test_ipv6_network_is_a_64_bit_prefix(
    one: str, another: str, *, same: bool
) -> None:
    visitors = Visitors(total=100, per_network=1)
    first = visitors.connect(one)
    visitors.connect(another)
    assert (visitors.evicted == [first]) is same


def test_last_tenth_is_reserved_for_networks_without_connections() -> None:
    visitors = Visitors(total=20, per_network=20)
    for _ in range(18):
        visitors.connect("192.0.2.1", Phase.HANDLING)
    with pytest.raises(AdmissionRefused):
        visitors.connect("192.0.2.1")
    visitors.connect("192.0.2.2", Phase.HANDLING)
    with pytest.raises(AdmissionRefused):
        visitors.connect("192.0.2.2")
    visitors.connect("192.0.2.3", Phase.HANDLING)
    with pytest.raises(AdmissionRefused):
        visitors.connect("192.0.2.4")
    assert not visitors.evicted


@pytest.mark.parametrize(
    "phase",
    [Phase.OPENING, Phase.READING_HEAD, Phase.READING_BODY, Phase.WRITING],
)
def test_full_store_evicts_connections_of_the_largest_network(
    phase: Phase,
) -> None:
    visitors = Visitors(total=40, per_network=10)
    honest = visitors.connect("198.51.100.1", phase)
    crowd = [
        visitors.connect(f"192.0.2.{number}", phase)
        for number in range(4)
        for _ in range(9)
    ]
    visitors.clock.now += LONG
    for number in range(20):
        visitors.connect(f"203.0.113.{number}", Phase.HANDLING)
    assert honest.is_held
    assert len(visitors.evicted) == 20 + 1 + len(crowd) - 40
    assert set(visitors.evicted) <= set(crowd)


def test_idle_connections_are_evicted_before_new_ones() -> None:
    visitors = Visitors(total=20, per_network=20)
    idle = [
        visitors.connect("192.0.2.1", Phase.READING_HEAD) for _ in range(18)
    ]
    visitors.clock.now += LONG
    newcomers = [visitors.connect(f"198.51.100.{n}") for n in range(15)]
    assert all(each.is_held for each in newcomers)
    assert visitors.evicted == idle[:13]


def test_slow_request_body_is_evicted_before_a_new_connection() -> None:
    visitors = Visitors(total=10, per_network=10)
    slow = [
        visitors.connect("192.0.2.1", Phase.READING_BODY) for _ in range(9)
    ]
    visitors.clock.now += LONG
    fresh = visitors.connect("198.51.100.1")
    visitors.connect("198.51.100.2")
    assert fresh.is_held
    assert visitors.evicted == slow[:1]


def test_proxy_has_no_network_limit_and_is_evicted_last() -> None:
    visitors = Visitors(total=40, per_network=4, proxy="10.0.0.1")
    behind = [
        visitors.connect("10.0.0.1", Phase.READING_HEAD) for _ in range(30)
    ]
    direct = [visitors.connect("192.0.2.1") for _ in range(4)]
    visitors.clock.now += LONG
    behind += [
        visitors.connect("10.0.0.1", Phase.READING_HEAD) for _ in range(8)
    ]
    assert visitors.evicted == direct[:2]
    assert all(each.is_held for each in behind)


def test_loopback_has_extra_connections() -> None:
    """A health check is admitted when every other slot is in use."""
    visitors = Visitors(total=10, per_network=10)
    for number in range(10):
        visitors.connect(f"192.0.2.{number}", Phase.HANDLING)
    with pytest.raises(AdmissionRefused):
        visitors.connect("198.51.100.1")
    for _ in range(LOCAL_EXTRA):
        visitors.connect("127.0.0.1", Phase.HANDLING)
    with pytest.raises(AdmissionRefused):
        visitors.connect("::1")
    assert not visitors.evicted


def test_slot_is_released_once() -> None:
    visitors = Visitors(total=10, per_network=1)
    slot = visitors.connect("192.0.2.1")
    slot.release()
    slot.release()
    slot.evict()
    assert not visitors.evicted
    assert len(visitors.admission) == 0
    assert not visitors.admission._by_network
    visitors.connect("192.0.2.1")
    assert not visitors.evicted


def test_shed_evicts_idle_connections_only() -> None:
    visitors = Visitors(total=100, per_network=100)
    for _ in range(3):
        visitors.connect("192.0.2.1")
        visitors.connect("192.0.2.1", Phase.HANDLING)
    assert visitors.admission.shed(10) == 3
    assert visitors.admission.shed(10) == 0


def test_cost_of_a_flood_is_low_per_connection() -> None:
    """One pass over all connections serves many evictions."""
    visitors = Visitors(total=1000, per_network=1000)
    looks = 0

    def activity(at: float) -> Activity:
        nonlocal looks
        looks += 1
        return Activity(Phase.OPENING, at)

    for number in range(3000):
        slot = visitors.admission.admit((f"192.0.2.{number % 250}", 1))
        at = visitors.clock.now = visitors.clock.now + 0.001
        slot.set_activity(lambda at=at: activity(at))  # type: ignore[misc]
    assert len(visitors.admission) <= 1000
    assert looks < 3000 * 40


def test_each_of_very_many_connections_is_not_compared_at_once() -> None:
    visitors = Visitors(total=20_000, per_network=20_000)
    looks = 0

    def activity(at: float) -> Activity:
        nonlocal looks
        looks += 1
        return Activity(Phase.OPENING, at)

    for number in range(18_000):
        slot = visitors.admission.admit((f"10.0.{number % 250}.1", 1))
        slot.set_activity(lambda: activity(0.0))
    assert not looks  # the last tenth is for other networks
    visitors.connect("10.0.1.1")
    assert 0 < looks < 3000
