# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Download links: made for a receipt, and authorised when they are used.

A link is verified by its MACs and the catalog alone: no database is read.
"""

from collections.abc import Callable
from dataclasses import dataclass

from msrv.catalog.live_catalog import LiveCatalog
from msrv.catalog.model import Item, Release
from msrv.ledger.ledger import Ledger
from msrv.money import Money
from msrv.orders.errors import DownloadsEnded
from msrv.proofs.errors import Forged
from msrv.proofs.keyring import Keyring
from msrv.proofs.links import Access, LinkExpired, make_link, verify_path
from msrv.proofs.receipts import Receipt
from msrv.time_slices import TimeSlices


@dataclass(frozen=True, slots=True)
class ReceiptItem:
    """One line of a receipt, with its link.

    `title` is the item's current one, or its last. `entry` is None where the
    library doesn't have the item any more. `parts` are a release's files, each
    with its own link. A refunded item has no link and no parts.
    """

    item_id: str
    title: str
    price: Money
    entry: Item | Release | None
    link: str | None
    parts: tuple[tuple[Item, str], ...] = ()


@dataclass(frozen=True, slots=True)
class DownloadLinks:
    """Makes and authorises download links.

    `clock` returns Unix seconds; a link is valid for `ttl_seconds`.
    """

    keyring: Keyring
    catalog: LiveCatalog
    ledger: Ledger
    ttl_seconds: int
    clock: Callable[[], int]

    def authorise(self, path: str) -> Access:
        """Return what the link of a path grants now.

        Checks that the path is a link, then both of its MACs, then that
        neither the order, the item nor a release with it is revoked, and last
        that the link has not expired. Raises Forged, DownloadsEnded, and
        LinkExpired, whose `access` has passed all the other checks. Raises
        NotReady.
        """
        expired = None
        try:
            access = verify_path(self.keyring, path, self.clock())
        except LinkExpired as error:
            expired, access = error, error.access
        if access is None:
            raise Forged
        item_id = access.item_id
        if self.ledger.revocations.is_revoked(
            access.order_id,
            item_id,
            *self.catalog.current.releases_with(item_id),
        ):
            raise DownloadsEnded
        if expired is not None:
            raise expired
        return access

    def expires_at(self) -> int:
        """Return when a link expires that is made now, in Unix seconds."""
        return self.clock() + self.ttl_seconds

    def path(self, receipt: Receipt, item_id: str, expires_at: int) -> str:
        """Return the path of a link to an item of an order."""
        return make_link(
            self.keyring,
            receipt.order_id,
            item_id,
            expires_at,
            simulated=receipt.is_simulated,
        ).path

    async def items(
        self, receipt: Receipt, expires_at: int
    ) -> list[ReceiptItem]:
        """Return the lines of a receipt, each with a link.

        Other tasks run in between: a receipt may have a hundred releases.
        """
        slices = await TimeSlices.start()
        catalog = self.catalog.current
        revocations = self.ledger.revocations
        items = []
        async for line in slices.iterate(receipt.lines):
            entry = catalog.by_id.get(line.item_id)
            parts: tuple[tuple[Item, str], ...] = ()
            refunded = revocations.is_line_revoked(
                receipt.order_id, line.item_id
            )
            if isinstance(entry, Release) and not refunded:
                parts = tuple(
                    [
                        (each, self.path(receipt, each.item_id, expires_at))
                        async for each in slices.iterate(entry.items)
                    ]
                )
            items.append(
                ReceiptItem(
                    line.item_id,
                    catalog.title_of(line.item_id),
                    Money(line.price_minor, receipt.currency),
                    entry,
                    None
                    if refunded
                    else self.path(receipt, line.item_id, expires_at),
                    parts,
                )
            )
        return items
