"""Admission: one network, or many, never take every place."""

import pytest

from msrv.connections.admission import (
    GRACE_SECONDS,
    LOCAL_EXTRA,
    UNTAKEN_SECONDS,
    Activity,
    Admission,
    AdmissionRefused,
    ConnectionLimits,
    Phase,
    Slot,
)
from msrv.rate_limit import Address

LONG = max(GRACE_SECONDS, UNTAKEN_SECONDS) + 1


class Clock:
    """Seconds, as the test sets them."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Visitors:
    """Connections that a test opens, and what became of them."""

    def __init__(
        self, total: int, per_network: int, proxy: str | None = None
    ) -> None:
        self.clock = Clock()
        self.proxy = proxy
        self.cut: list[Slot] = []
        self.admission = Admission(
            ConnectionLimits(total, per_network),
            is_proxy=self._is_proxy,
            clock=self.clock,
        )

    def _is_proxy(self, address: Address) -> bool:
        return str(address) == self.proxy

    def come(self, host: str, step: Phase = Phase.OPENING) -> Slot:
        """Open a connection that does one thing from now on."""
        slot = self.admission.admit((host, 4711))
        slot.set_abort(lambda: self.cut.append(slot))
        if step is not Phase.OPENING:
            doing = Activity(step, self.clock.now)
            slot.set_activity(lambda: doing)
        self.clock.now += 0.001
        return slot


def test_a_network_at_its_limit_gives_up_its_own_longest_idle() -> None:
    """Who opens more than its share loses the oldest, and nobody else does."""
    visitors = Visitors(total=100, per_network=3)
    other = visitors.come("192.0.2.9")
    first, second, third = (visitors.come("192.0.2.1") for _ in range(3))
    visitors.come("192.0.2.1")
    visitors.come("192.0.2.1")
    assert visitors.cut == [first, second]
    assert other.is_held
    assert third.is_held
    assert len(visitors.admission) == 4


def test_a_network_that_is_answered_is_refused_more() -> None:
    """What is being answered is not cut off for a newcomer."""
    visitors = Visitors(total=100, per_network=2)
    held = [visitors.come("192.0.2.1", Phase.HANDLING) for _ in range(2)]
    with pytest.raises(AdmissionRefused):
        visitors.come("192.0.2.1")
    assert not visitors.cut
    held[0].release()
    visitors.come("192.0.2.1")
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
def test_networks_of_both_families(
    one: str, another: str, *, same: bool
) -> None:
    """Whoever has IPv6 has more addresses than there are places."""
    visitors = Visitors(total=100, per_network=1)
    first = visitors.come(one)
    visitors.come(another)
    assert (visitors.cut == [first]) is same


def test_the_last_tenth_is_for_networks_that_hold_none() -> None:
    """Those who are here already can't take what is kept."""
    visitors = Visitors(total=20, per_network=20)
    for _ in range(18):
        visitors.come("192.0.2.1", Phase.HANDLING)
    with pytest.raises(AdmissionRefused):
        visitors.come("192.0.2.1")
    visitors.come("192.0.2.2", Phase.HANDLING)
    with pytest.raises(AdmissionRefused):
        visitors.come("192.0.2.2")
    visitors.come("192.0.2.3", Phase.HANDLING)
    with pytest.raises(AdmissionRefused):
        visitors.come("192.0.2.4")
    assert not visitors.cut


@pytest.mark.parametrize(
    "step",
    [Phase.OPENING, Phase.READING_HEAD, Phase.READING_BODY, Phase.WRITING],
)
def test_when_full_the_largest_network_gives_way(step: Phase) -> None:
    """A crowd that holds every place can't keep one visitor out."""
    visitors = Visitors(total=40, per_network=10)
    honest = visitors.come("198.51.100.1", step)
    crowd = [
        visitors.come(f"192.0.2.{number}", step)
        for number in range(4)
        for _ in range(9)
    ]
    visitors.clock.now += LONG
    for number in range(20):
        visitors.come(f"203.0.113.{number}", Phase.HANDLING)
    assert honest.is_held
    assert len(visitors.cut) == 20 + 1 + len(crowd) - 40
    assert set(visitors.cut) <= set(crowd)


def test_a_handshake_under_way_outlives_those_that_wait() -> None:
    """Newcomers never push each other out while others idle."""
    visitors = Visitors(total=20, per_network=20)
    idle = [visitors.come("192.0.2.1", Phase.READING_HEAD) for _ in range(18)]
    visitors.clock.now += LONG
    newcomers = [visitors.come(f"198.51.100.{n}") for n in range(15)]
    assert all(each.is_held for each in newcomers)
    assert visitors.cut == idle[:13]


def test_a_form_that_takes_its_time_goes_before_a_newcomer() -> None:
    """Bytes now and then don't keep a place."""
    visitors = Visitors(total=10, per_network=10)
    slow = [visitors.come("192.0.2.1", Phase.READING_BODY) for _ in range(9)]
    visitors.clock.now += LONG
    fresh = visitors.come("198.51.100.1")
    visitors.come("198.51.100.2")
    assert fresh.is_held
    assert visitors.cut == slow[:1]


def test_a_proxy_is_no_network() -> None:
    """All visitors come from its address, and none of them is idle."""
    visitors = Visitors(total=40, per_network=4, proxy="10.0.0.1")
    behind = [visitors.come("10.0.0.1", Phase.READING_HEAD) for _ in range(30)]
    direct = [visitors.come("192.0.2.1") for _ in range(4)]
    visitors.clock.now += LONG
    behind += [visitors.come("10.0.0.1", Phase.READING_HEAD) for _ in range(8)]
    assert visitors.cut == direct[:2]
    assert all(each.is_held for each in behind)


def test_this_machine_has_some_more() -> None:
    """A health check gets through while everything is taken."""
    visitors = Visitors(total=10, per_network=10)
    for number in range(10):
        visitors.come(f"192.0.2.{number}", Phase.HANDLING)
    with pytest.raises(AdmissionRefused):
        visitors.come("198.51.100.1")
    for _ in range(LOCAL_EXTRA):
        visitors.come("127.0.0.1", Phase.HANDLING)
    with pytest.raises(AdmissionRefused):
        visitors.come("::1")
    assert not visitors.cut


def test_a_place_comes_back_once() -> None:
    """Nothing is kept of those that have left."""
    visitors = Visitors(total=10, per_network=1)
    slot = visitors.come("192.0.2.1")
    slot.release()
    slot.release()
    slot.evict()
    assert not visitors.cut
    assert len(visitors.admission) == 0
    assert not visitors.admission._by_network
    visitors.come("192.0.2.1")
    assert not visitors.cut


def test_shedding_ends_with_what_can_be_spared() -> None:
    """Where the system has no descriptors left, some come back at once."""
    visitors = Visitors(total=100, per_network=100)
    for _ in range(3):
        visitors.come("192.0.2.1")
        visitors.come("192.0.2.1", Phase.HANDLING)
    assert visitors.admission.shed(10) == 3
    assert visitors.admission.shed(10) == 0


def test_a_flood_costs_little_each() -> None:
    """A look at all connections serves many newcomers."""
    visitors = Visitors(total=1000, per_network=1000)
    looks = 0

    def doing(at: float) -> Activity:
        nonlocal looks
        looks += 1
        return Activity(Phase.OPENING, at)

    for number in range(3000):
        slot = visitors.admission.admit((f"192.0.2.{number % 250}", 1))
        at = visitors.clock.now = visitors.clock.now + 0.001
        slot.set_activity(lambda at=at: doing(at))  # type: ignore[misc]
    assert len(visitors.admission) <= 1000
    assert looks < 3000 * 40
