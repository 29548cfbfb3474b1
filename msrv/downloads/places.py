"""How many downloads may run at once: in all, and for one client.

A client is an IPv4 address or an IPv6 network of 64 bits, which is what one
household or one server has. Where no address is known, all are one client.
"""

from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager

from msrv.rate_limit import Address, client_network


class NoPlace(Exception):
    """As many downloads are under way as may be."""


class NoPlaceForAll(NoPlace):
    """The whole store's places are taken."""


class NoPlaceForClient(NoPlace):
    """This client's places are taken."""


class Places:
    """Counts who is downloading."""

    def __init__(self, total: int, per_client: int) -> None:
        self._total = total
        self._per_client = per_client
        self._taken: Counter[Hashable] = Counter()
        self._taken_in_all = 0

    @contextmanager
    def take(self, client: Address | None) -> Iterator[None]:
        """Hold a place; raises NoPlaceForAll or NoPlaceForClient."""
        household = client_network(client)
        if self._taken_in_all >= self._total:
            raise NoPlaceForAll
        if self._taken[household] >= self._per_client:
            raise NoPlaceForClient
        self._taken[household] += 1
        self._taken_in_all += 1
        try:
            yield
        finally:
            self._taken_in_all -= 1
            self._taken[household] -= 1
            # Whoever has left leaves nothing: memory is not a guest book.
            if not self._taken[household]:
                del self._taken[household]
