"""What is at hand is handed out at the door, before the house is entered.

A small file that was sent a moment ago needs no thread, no router and no
middleware: finding one's way through them costs more than all the rest. What
is asked of a link is the same: the store's name, both proofs, and whether it
was taken back. Whatever isn't plainly good is left to the house, which knows
how to say no.
"""

import time
from collections.abc import Awaitable, Callable

from aiohttp import web

from msrv.catalog.live import NotReady
from msrv.catalog.model import Item
from msrv.downloads.ranges import ByteRange
from msrv.downloads.response_cache import CachedResponse, is_cacheable
from msrv.proofs.errors import Forged, LinkExpired
from msrv.proofs.links import Access, verify_path
from msrv.web.origin import own_address
from msrv.web.rendering import PRIVATE
from msrv.web.store import ORIGIN, ROUTE, STORE

House = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


def before(app: web.Application, house: House) -> House:
    """Put the hatch before an application's own handler."""
    hatch = Hatch(app)

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        ready = hatch.at_hand(request)
        return await house(request) if ready is None else ready

    return answer


class Hatch:
    """What an application has at hand."""

    def __init__(self, app: web.Application) -> None:
        store = app[STORE]
        self._keyring = store.keyring
        self._clock = store.clock
        self._catalog = store.catalog
        self._packs = store.representations
        self._sender = store.sender
        self._ledger = store.ledger
        self._rules = store.origin_rules
        self._traffic = store.metrics

    def at_hand(self, request: web.BaseRequest) -> CachedResponse | None:
        """Answer a request if there is nothing to think about."""
        began = time.perf_counter()
        if not is_cacheable(request) or self._traffic.draining:
            return None
        path = request.raw_path
        item = self._item(path)
        if item is None:
            return None
        representation, _ = self._packs.file(item)
        ready = self._sender.cached(representation, cache_control=PRIVATE)
        # The proofs last: they cost most, and the house asks for them again.
        access = None if ready is None else self._access(path, item)
        if ready is None or access is None:
            return None
        origin = self._rules.read(
            request.remote, secure=request.secure, headers=request.headers
        )
        if not self._rules.knows(origin.host, own_address(request)):
            return None
        request[ORIGIN], request[ROUTE] = origin, "download"
        size = representation.size_bytes
        self._ledger.track_download(
            access.order_id, access.item_id, representation.etag, size
        )(ByteRange(0, size))
        seconds = time.perf_counter() - began
        self._traffic.record("GET", "download", ready.status, seconds, size)
        return ready

    def _item(self, path: str) -> Item | None:
        """Find what a link would be to, if it is one."""
        try:
            found = self._catalog.current.by_id.get(path.rpartition("/")[2])
        except NotReady:
            return None
        return found if isinstance(found, Item) else None

    def _access(self, path: str, item: Item) -> Access | None:
        """Say what a link gives, if it is good."""
        try:
            access = verify_path(self._keyring, path, self._clock())
        except (Forged, LinkExpired):
            return None
        releases = self._catalog.current.releases_with(item.item_id)
        if access is None or self._ledger.revocations.is_revoked(
            access.order_id, access.item_id, *releases
        ):
            return None
        return access
