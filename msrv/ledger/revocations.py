# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""In-memory list of revoked orders and items, with a copy on disk.

The database is authoritative. The last known list is saved in a file, so that
a replica that starts without the database still honours it.

An item may be downloaded while at least one line of its order grants it and is
not revoked: the item's own line, or that of a release that contains it. So a
refunded release ends the links of its tracks, except those that the order also
contains by themselves; and a refunded track stays available if the order
contains the whole release.
"""

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from msrv.files import write_file
from msrv.ledger.errors import LedgerError

FILE_NAME: Final = "revocations"
_HEADER: Final = "msrv-revocations 1"


class InvalidRevocationFile(LedgerError):
    """The file of the last known list is damaged, or of another format."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} is damaged, or of another version: refunded items can "
            "be downloaded until the database has been reached"
        )
        self.path = path


@dataclass(frozen=True, slots=True)
class RevokedItems:
    """Revoked part of one order: all of it (`whole`), or some items.

    `kept` are the lines of the order that are not revoked, as far as they are
    known.
    """

    whole: bool
    items: frozenset[str]
    kept: frozenset[str]

    def revokes(self, item_id: str, *release_ids: str) -> bool:
        """Return whether an item, contained in these releases, is revoked."""
        ids = {item_id, *release_ids}
        if self.whole:
            return True
        return ids.isdisjoint(self.kept) and not ids.isdisjoint(self.items)


class Revocations:
    """Orders that are revoked, or contain revoked items.

    `number` is that of the last known change, None before the first.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._orders: dict[str, RevokedItems] = {}
        self.number: int | None = None
        self._saved: Mapping[str, RevokedItems] = self._orders
        self._saving = threading.Lock()

    def __len__(self) -> int:
        return len(self._orders)

    def is_revoked(
        self, order_id: str, item_id: str, *release_ids: str
    ) -> bool:
        """Return whether an order no longer grants an item.

        `release_ids` are the releases that contain the item, or did once.
        """
        known = self._orders.get(order_id)
        return known is not None and known.revokes(item_id, *release_ids)

    def is_line_revoked(self, order_id: str, item_id: str) -> bool:
        """Return whether a line of an order is revoked.

        Its items may still be granted by other lines.
        """
        known = self._orders.get(order_id)
        return known is not None and (known.whole or item_id in known.items)

    def replace(self, orders: Mapping[str, RevokedItems], number: int) -> None:
        """Replace the whole list."""
        self._orders = dict(orders)
        self.number = number

    def update(self, orders: Mapping[str, RevokedItems], number: int) -> None:
        """Apply changes. An order that is no longer revoked is removed."""
        # A new dictionary: a thread may be saving the old one.
        known = {**self._orders, **orders}
        for order_id, each in orders.items():
            if not (each.whole or each.items):
                del known[order_id]
        self._orders, self.number = known, number

    def load(self) -> None:
        """Read the last known list, if there is a file. Blocks on the disk.

        Raises InvalidRevocationFile.
        """
        try:
            text = self._path.read_text("ascii")
        except FileNotFoundError:
            return
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidRevocationFile(self._path) from error
        header, _, body = text.partition("\n")
        if header != _header(body):
            raise InvalidRevocationFile(self._path)
        self._orders = self._saved = {
            order_id: RevokedItems(whole, frozenset(items), frozenset(kept))
            for order_id, (whole, items, kept) in json.loads(body).items()
        }

    @property
    def is_saved(self) -> bool:
        """True if the file has the current list."""
        return self._orders is self._saved

    def save(self) -> None:
        """Write the list to its file, unless it is saved already.

        The file has the new list or the old one, never a part. Blocks on the
        disk, and on another thread that saves. Raises OSError.
        """
        with self._saving:
            if not self.is_saved:
                orders = self._orders
                self._write(orders)
                self._saved = orders

    def _write(self, orders: Mapping[str, RevokedItems]) -> None:
        body = json.dumps(
            {order_id: _row(each) for order_id, each in orders.items()}
        )
        self._path.parent.mkdir(parents=True, exist_ok=True)
        text = f"{_header(body)}\n{body}"
        # The database has the list too, so its name can do without a sync.
        write_file(self._path, text.encode("ascii"), durable_name=False)


def _row(each: RevokedItems) -> list[Any]:
    return [each.whole, sorted(each.items), sorted(each.kept)]


def _header(body: str) -> str:
    return f"{_HEADER} {sha256(body.encode('ascii')).hexdigest()}"
