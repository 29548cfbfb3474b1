# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Rate limiter, and the network that counts as one client."""

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from msrv.rate_limit import (
    MAX_KEYS,
    Limit,
    RateLimited,
    RateLimiter,
    RecentKeys,
    client_network,
)

NOW = 1_800_000_000
TEN = Limit(10, 60_000)


def count_allowed(
    limiter: RateLimiter, times: int, key: object, now: float
) -> int:
    """Acquire up to `times` times; return the number before a refusal."""
    for done in range(times):
        try:
            limiter.acquire(key, now=now)
        except RateLimited:
            return done
    return times


def test_burst_is_followed_by_one_per_interval() -> None:
    limiter = RateLimiter(TEN)
    assert count_allowed(limiter, 50, "here", NOW) == 10
    with pytest.raises(RateLimited) as raised:
        limiter.check("here", now=NOW)
    assert raised.value.retry_after_seconds == 60
    assert limiter.refused == 2
    assert count_allowed(limiter, 50, "here", NOW + 59) == 0
    assert count_allowed(limiter, 50, "here", NOW + 60) == 1
    assert count_allowed(limiter, 50, "here", NOW + 6000) == 10
    assert count_allowed(limiter, 50, "there", NOW) == 10


def test_total_limits_all_keys_together() -> None:
    limiter = RateLimiter(TEN, Limit(25, 2000))
    found = [count_allowed(limiter, 10, each, NOW) for each in "abcd"]
    assert found == [10, 10, 5, 0]
    assert count_allowed(limiter, 10, "d", NOW + 2) == 1


def test_action_of_two_keys_counts_once_in_the_total() -> None:
    limiter = RateLimiter(TEN, Limit(3, 1000))
    for number in range(3):
        limiter.acquire(("from", number), ("to", number), now=NOW)
    with pytest.raises(RateLimited):
        limiter.acquire("a", "b", now=NOW)


def test_rejected_action_spends_nothing() -> None:
    limiter = RateLimiter(Limit(1, 60_000))
    limiter.acquire("full", now=NOW)
    for _ in range(5):
        with pytest.raises(RateLimited):
            limiter.acquire("fresh", "full", now=NOW)
    limiter.acquire("fresh", now=NOW)


def test_cost_above_the_burst_counts_as_the_burst() -> None:
    limiter = RateLimiter(TEN)
    limiter.acquire("here", now=NOW, cost=8)
    assert limiter.wait_seconds("here", now=NOW, cost=2) == 0
    assert limiter.wait_seconds("here", now=NOW, cost=3) == 60
    limiter = RateLimiter(TEN)
    limiter.acquire("here", now=NOW, cost=500)
    assert limiter.wait_seconds("here", now=NOW) == 60


def test_limiter_raises_its_own_error() -> None:
    class TooManyGuesses(RateLimited):
        pass

    limiter = RateLimiter(Limit(1, 1000), error=TooManyGuesses)
    limiter.acquire("a", now=NOW)
    with pytest.raises(TooManyGuesses):
        limiter.acquire("a", now=NOW)


def test_number_of_keys_is_bounded() -> None:
    limiter = RateLimiter(TEN)
    for number in range(MAX_KEYS + 100):
        limiter.spend(number, now=NOW)
    assert len(limiter) == MAX_KEYS
    # The newest keys are kept.
    assert count_allowed(limiter, 10, MAX_KEYS + 99, NOW) == 9
    recent = RecentKeys(60, max_keys=10)
    for number in range(100):
        recent.add(number, NOW)
    assert len(recent) == 10


def test_clock_set_back_locks_no_client_out() -> None:
    limiter = RateLimiter(TEN, TEN)
    for _ in range(10):
        limiter.spend("here", now=NOW + 10**6)
    assert limiter.wait_seconds("here", now=NOW) == 60


@given(
    st.lists(st.tuples(st.integers(0, 500), st.integers(1, 4)), max_size=60),
    st.integers(1, 5),
    st.integers(1, 20_000),
)
def test_allowed_actions_never_exceed_the_burst_and_rate(
    steps: list[tuple[int, int]], burst: int, interval_ms: int
) -> None:
    """Over any time, at most the burst and one per interval are allowed."""
    limiter, now, passed = RateLimiter(Limit(burst, interval_ms)), NOW, 0
    for seconds, wanted in steps:
        now += seconds
        cost = min(wanted, burst)
        try:
            limiter.acquire("a", now=now, cost=cost)
        except RateLimited as error:
            later = now + error.retry_after_seconds
            assert limiter.wait_seconds("a", now=later, cost=cost) == 0
        else:
            passed += cost
    assert passed <= burst + (now - NOW) * 1000 // interval_ms


def test_recent_keys_expire() -> None:
    recent = RecentKeys(60)
    recent.add("a", NOW)
    assert recent.has("a", NOW + 59)
    assert not recent.has("a", NOW + 61)
    assert not recent.has("b", NOW)
    assert not recent.has("a", NOW - 3600)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("64:ff9b::192.0.2.1", "192.0.2.1", True),
        ("64:ff9b::192.0.2.1", "64:ff9b::192.0.2.2", False),
        ("2001:db8::1", "2001:db8::2", True),
        ("2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("::1.2.3.4", "1.2.3.4", False),
    ],
)
def test_client_network_is_an_ipv4_address_or_64_bits(
    one: str, other: str, *, same: bool
) -> None:
    found = client_network(ip_address(one)), client_network(ip_address(other))
    assert (found[0] == found[1]) is same


@given(st.ip_addresses(v=4))
def test_ipv4_and_ipv6_keys_never_collide(address: IPv4Address) -> None:
    other = IPv6Address((0x2001 << 112) | int(address) << 64)
    assert client_network(address) != client_network(other)


def test_clients_without_an_address_share_a_key() -> None:
    assert client_network(None) is None
