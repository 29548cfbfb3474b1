# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Evidence for a dispute: what the ledger has of an order, on one page.

It has no address of the receipt and no download link: a bank reads it.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

from aiohttp import web

from msrv.ledger.db import order_queries
from msrv.ledger.db.order_queries import (
    Download,
    Order,
    OrderHistory,
    OrderLine,
)
from msrv.ledger.db.reports.delivered_ranges import delivered_ranges
from msrv.ledger.intervals import Intervals
from msrv.translations import gettext
from msrv.web import formatting
from msrv.web.errors import NotFound
from msrv.web.store import STORE
from msrv.web.studio import activity, page
from msrv.web.studio.order.timeline import reversal_entry

_MAX_RANGES: Final = 40
"""Number of ranges that are listed of a download; the first ones."""


@dataclass(frozen=True, slots=True)
class EvidenceSection:
    """Section of the evidence: a title, and facts with their names."""

    title: str
    facts: tuple[tuple[str, str], ...]
    none: str = ""
    """Text for a section without facts."""


@dataclass(frozen=True, slots=True)
class DisputeEvidence:
    """Evidence for a dispute of an order; `at` is its last fact's time."""

    title: str
    store: str
    sections: tuple[EvidenceSection, ...]
    at: int


async def show(request: web.Request) -> web.Response:
    """Show the evidence of an order. Raises DatabaseError, NotFound."""
    evidence = await read_evidence(request)
    order_id = page.read_order_id(request)
    return page.render(
        request,
        "evidence.html",
        asdict(evidence),
        evidence=evidence,
        order_id=order_id,
    )


async def read_evidence(request: web.Request) -> DisputeEvidence:
    """Return the evidence of the path's order, in the current language.

    Raises DatabaseError, NotFound.
    """
    order_id = page.read_order_id(request)
    async with page.read_transaction(request) as connection:
        history = await order_queries.order_history(connection, order_id)
        ranges = await delivered_ranges(connection, order_id)
    if history is None:
        raise NotFound
    await activity.record(request, "view-evidence", order_id)
    catalog = request.app[STORE].catalog.current
    titles = {
        **{
            each.item_id: catalog.title_of(each.item_id)
            for each in history.downloads
        },
        **{line.item_id: line.title for line in history.order.lines},
    }
    return order_evidence(history, ranges, titles, catalog.shop.name)


def order_evidence(
    history: OrderHistory,
    ranges: Mapping[tuple[str, str], Intervals],
    titles: Mapping[str, str],
    store: str,
) -> DisputeEvidence:
    """Return the evidence of an order. Pure, in the current language."""
    order = history.order
    reversals = [
        reversal_entry(each, order.currency, titles)
        for each in history.reversals
    ]
    times = [order.sold_at]
    times += [each.last_at for each in history.downloads]
    times += [each.seen_at for each in history.reversals]
    return DisputeEvidence(
        gettext("Evidence for order %(number)s", number=order.order_id),
        store,
        (
            _receipt_section(order),
            EvidenceSection(
                gettext("Items"),
                tuple(
                    (line.title, _price(line, order.currency))
                    for line in order.lines
                ),
            ),
            EvidenceSection(
                gettext("Deliveries"),
                tuple(
                    (
                        titles.get(each.item_id) or each.item_id,
                        _delivery(
                            each,
                            ranges.get((each.item_id, each.version), ()),
                        ),
                    )
                    for each in history.downloads
                ),
                gettext("No downloads yet."),
            ),
            EvidenceSection(
                gettext("Refunds and disputes"),
                tuple(
                    (
                        formatting.moment_ms(each.at_ms),
                        f"{each.text} ({each.note})"
                        if each.note
                        else each.text,
                    )
                    for each in reversals
                ),
                gettext("None."),
            ),
            EvidenceSection(
                gettext("How this is known"),
                (),
                gettext(
                    "A download link is made for one order and one item, and "
                    "is authenticated; only whoever has the order's receipt "
                    "gets one. The store counts the bytes of each download as "
                    "they are sent. It keeps no network address of a buyer."
                ),
            ),
        ),
        max(times),
    )


def _receipt_section(order: Order) -> EvidenceSection:
    facts = [
        (gettext("Order"), order.order_id),
        (gettext("Sold"), formatting.moment(order.sold_at)),
        (
            gettext("Paid"),
            gettext(
                "%(amount)s by %(provider)s",
                amount=formatting.amount(order.total_minor, order.currency),
                provider=order.provider,
            ),
        ),
    ]
    if order.reference:
        facts.append((gettext("Payment reference"), order.reference))
    consent = order.consent
    facts.append(
        (
            gettext("Consent to immediate delivery"),
            gettext("not recorded")
            if consent is None
            else gettext(
                "given %(time)s, in the language %(language)s; SHA-256 of its "
                "wording: %(sha256)s",
                time=formatting.moment(consent.given_at),
                language=consent.language,
                sha256=consent.sha256,
            ),
        )
    )
    return EvidenceSection(gettext("Receipt"), tuple(facts))


def _price(line: OrderLine, currency: str) -> str:
    amount = formatting.amount(line.price_minor, currency)
    return f"{amount} ({line.item_id})"


def _delivery(each: Download, ranges: Intervals) -> str:
    """Return what was delivered of one version of an item, and when."""
    shown = ", ".join(
        f"{start}–{stop - 1}"  # noqa: RUF001 - a range
        for start, stop in ranges[:_MAX_RANGES]
    )
    if len(ranges) > _MAX_RANGES:
        shown += ", …"
    begun = formatting.moment(each.began_at)
    if each.completed_at is not None:
        return gettext(
            "complete: all %(size)s bytes. Started %(begun)s, complete "
            "%(time)s. Bytes: %(ranges)s. Version: %(version)s",
            size=each.size_bytes,
            begun=begun,
            time=formatting.moment(each.completed_at),
            ranges=shown,
            version=each.version,
        )
    return gettext(
        "in part: %(delivered)s of %(size)s bytes. Started %(begun)s, last "
        "activity %(time)s. Bytes: %(ranges)s. Version: %(version)s",
        delivered=each.delivered_bytes,
        size=each.size_bytes,
        begun=begun,
        time=formatting.moment(each.last_at),
        ranges=shown,
        version=each.version,
    )
