"""How often may somebody be wrong?"""

from ipaddress import ip_address

import pytest

from msrv.pages.guesses import MAX_NETWORKS, Allowance, Guesses, TooMany

NOW = 1_800_000_000
HERE = ip_address("192.0.2.1")
THERE = ip_address("192.0.2.2")


def guess(guesses: Guesses, times: int, client: object, now: int) -> int:
    """Be wrong so often; how often it was allowed."""
    for done in range(times):
        try:
            guesses.check(client, now)
        except TooMany:
            return done
        guesses.spend(client, now)
    return times


def test_ten_at_once_and_one_a_minute() -> None:
    """A guesser guesses on, or somebody with cold fingers is locked out."""
    guesses = Guesses()
    assert guess(guesses, 50, HERE, NOW) == 10
    with pytest.raises(TooMany) as refused:
        guesses.check(HERE, NOW)
    assert refused.value.wait_seconds == 60
    assert guess(guesses, 50, HERE, NOW + 59) == 0
    assert guess(guesses, 50, HERE, NOW + 60) == 1
    assert guess(guesses, 50, HERE, NOW + 6000) == 10
    # Nobody else has to wait for that.
    assert guess(guesses, 50, THERE, NOW + 6000) == 10


def test_a_household_is_one() -> None:
    """Whoever has IPv6 has as many guesses as there are grains of sand."""
    guesses = Guesses()
    assert guess(guesses, 10, ip_address("2001:db8::1"), NOW) == 10
    assert guess(guesses, 10, ip_address("2001:db8::2"), NOW) == 0
    assert guess(guesses, 10, ip_address("2001:db8:0:1::"), NOW) == 10
    # Where no address is known, all are one.
    assert guess(guesses, 50, None, NOW) == 10


def test_all_of_them_together() -> None:
    """A thousand rented machines guess a thousand times as fast."""
    guesses = Guesses(total=Allowance(25, 2000))
    clients = [ip_address(number) for number in range(1, 5)]
    assert [guess(guesses, 10, each, NOW) for each in clients] == [
        10,
        10,
        5,
        0,
    ]
    assert guess(guesses, 10, clients[3], NOW + 2) == 1


def test_it_forgets() -> None:
    """A guesser with many addresses fills the store's memory."""
    guesses = Guesses(total=Allowance(10**9, 1))
    for number in range(MAX_NETWORKS + 500):
        guesses.spend(ip_address(number), NOW)
    assert len(guesses) == MAX_NETWORKS


def test_a_clock_that_is_set_back() -> None:
    """After a clock was mended nobody can redeem anything for a year."""
    guesses = Guesses()
    guess(guesses, 10, HERE, NOW + 365 * 86_400)
    with pytest.raises(TooMany) as refused:
        guesses.check(HERE, NOW)
    assert refused.value.wait_seconds <= 60
