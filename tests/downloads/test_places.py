"""Nobody takes all the places, and whoever leaves gives theirs back."""

from contextlib import ExitStack
from ipaddress import ip_address

import pytest

from msrv.downloads.places import NoPlaceForAll, NoPlaceForClient, Places

ONE, OTHER = ip_address("192.0.2.1"), ip_address("192.0.2.2")


def test_one_client_does_not_take_every_place() -> None:
    """One buyer's download manager keeps everyone else out."""
    places = Places(total=10, per_client=2)
    with places.take(ONE), places.take(ONE):
        with pytest.raises(NoPlaceForClient), places.take(ONE):
            pass
        with places.take(OTHER):
            pass


def test_all_together_have_a_limit() -> None:
    """A rush takes more memory than there is."""
    places = Places(total=2, per_client=2)
    with (
        places.take(ONE),
        places.take(OTHER),
        pytest.raises(NoPlaceForAll),
        places.take(None),
    ):
        pass


def test_a_place_comes_back() -> None:
    """After so many downloads that broke off, the store sends nothing."""
    places = Places(total=1, per_client=1)
    for _ in range(3):
        with pytest.raises(ConnectionError), places.take(ONE):
            raise ConnectionError
    with places.take(ONE), pytest.raises(NoPlaceForAll), places.take(ONE):
        pass
    assert not places._taken


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:2", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
    ],
)
def test_who_is_one_client(first: str, second: str, *, same: bool) -> None:
    """Who has IPv6 has as many addresses, and so as many places, as there
    are.
    """
    places = Places(total=9, per_client=1)
    with ExitStack() as held:
        held.enter_context(places.take(ip_address(first)))
        if same:
            with pytest.raises(NoPlaceForClient):
                held.enter_context(places.take(ip_address(second)))
        else:
            held.enter_context(places.take(ip_address(second)))
