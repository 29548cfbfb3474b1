"""One order: what was bought, what has arrived, and what can be done."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

from aiohttp import web

from msrv.catalog.model import Item
from msrv.ledger.db import order_queries
from msrv.ledger.db.order_queries import Download, Order, OrderLine
from msrv.proofs import receipts
from msrv.proofs.links import make_link
from msrv.proofs.receipts import is_pretend
from msrv.web.errors import NotFound
from msrv.web.shop.receipts import receipt_path
from msrv.web.store import ORIGIN, STORE
from msrv.web.studio import activity, page, query_parameters
from msrv.web.studio.orders import data


@dataclass(frozen=True, slots=True)
class Shown:
    """A line of an order, with a fresh link to it.

    `link` is None for what was refunded, and for what the library holds no
    more. `is_here` says which.
    """

    line: OrderLine
    is_here: bool
    link: str | None


async def show(request: web.Request) -> web.Response:
    """Show an order. Raises DatabaseError, NotFound."""
    order_id = query_parameters.order_id(request)
    async with page.reading(request) as connection:
        story = await order_queries.order_history(connection, order_id)
    if story is None:
        raise NotFound
    order = story.order
    await activity.record(request, "view-order", order_id)
    receipt = receipt_of(request, order)
    expires_at, lines = _lines(request, order)
    return page.page(
        request,
        "order.html",
        {
            **data(order),
            "receipt": receipt,
            "links_expire_at": expires_at,
            "links": {
                each.line.item_id: each.link
                for each in lines
                if each.link is not None
            },
            "downloads": [asdict(each) for each in story.downloads],
            "changes": [asdict(each) for each in story.changes],
            "payments": [asdict(each) for each in story.payments],
        },
        order=order,
        is_pretend=is_pretend(order.provider),
        story=story,
        lines=lines,
        receipt=receipt,
        expires_at=expires_at,
        titles=_titles(request, order, story.downloads),
    )


def receipt_of(request: web.Request, order: Order) -> str | None:
    """Write an order's receipt again: the very one that its buyer has.

    Signing takes no randomness, so the row of the ledger gives the same
    address; after a change of NONCE, one that is as good. None for an order
    that no receipt can state, and for one paid with pretend money where this
    store accepts none.
    """
    keyring = request.app[STORE].keyring
    if is_pretend(order.provider) and not keyring.accepts_pretend:
        return None
    try:
        receipt = receipts.Receipt(
            order_id=order.order_id,
            issued_at=order.sold_at,
            provider=order.provider,
            currency=order.currency,
            lines=tuple(
                receipts.Line(line.item_id, line.price_minor)
                for line in order.lines
            ),
        )
    except ValueError:
        return None
    token = receipts.sign(keyring, receipt)
    return request[ORIGIN].base_url + receipt_path(token)


def _lines(request: web.Request, order: Order) -> tuple[int, list[Shown]]:
    """Give the lines with fresh links, and until when those are good."""
    store = request.app[STORE]
    by_id = store.catalog.current.by_id
    hours = store.settings.link_hours
    expires_at = store.clock() + hours * 3600
    shown = []
    for line in order.lines:
        is_here = line.item_id in by_id
        link = None
        if is_here and not line.refunded:
            made = make_link(
                store.keyring,
                order.order_id,
                line.item_id,
                expires_at,
                pretend=is_pretend(order.provider),
            )
            link = request[ORIGIN].base_url + made.path
        shown.append(Shown(line, is_here, link))
    return expires_at, shown


def _titles(
    request: web.Request, order: Order, downloads: Iterable[Download]
) -> dict[str, str]:
    """Name what was downloaded: lines, and the tracks of whole releases."""
    catalog = request.app[STORE].catalog.current
    titles = {line.item_id: line.title for line in order.lines}
    for each in downloads:
        entry = catalog.by_id.get(each.item_id)
        if each.item_id in titles:
            continue
        titles[each.item_id] = catalog.title_of(each.item_id)
        if isinstance(entry, Item):
            release = catalog.by_id.get(entry.release_id)
            within = f" ({release.title})" if release else ""
            titles[each.item_id] = f"{entry.title}{within}"
    return titles
