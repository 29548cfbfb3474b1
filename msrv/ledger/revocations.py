"""What may no longer be downloaded, in memory: a look-up, and nothing more.

The database says what was revoked. The last known list is kept in a file, so
that a replica which starts without the database still honours it.

A download is granted while a line of its order grants it that was not taken
back: the item itself, or the release that it is part of. So a release that
was refunded ends its tracks' links, but for a track that the order also holds
by itself; and a refunded track goes on where the whole release was bought.
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


class BadList(LedgerError):
    """The file of the last known list is damaged, or not one."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} is damaged, or of another version: what was refunded "
            "can be downloaded until the database has been reached"
        )
        self.path = path


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What of one order was revoked: all of it, or these items.

    `kept` are the lines of the order that were not, as far as they are known.
    """

    whole: bool
    items: frozenset[str]
    kept: frozenset[str]

    def ends(self, item_id: str, *release_ids: str) -> bool:
        """Whether the link to an item, of these releases, has ended."""
        ids = {item_id, *release_ids}
        if self.whole:
            return True
        return ids.isdisjoint(self.kept) and not ids.isdisjoint(self.items)


class Revocations:
    """The orders of which something was revoked.

    `number` is that of the last change that is known, None for none.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._orders: dict[str, TakenBack] = {}
        self.number: int | None = None
        self._saved: Mapping[str, TakenBack] = self._orders
        self._saving = threading.Lock()

    def __len__(self) -> int:
        return len(self._orders)

    def ends(self, order_id: str, item_id: str, *release_ids: str) -> bool:
        """Whether an order's link to an item has ended.

        `release_ids` are the releases that the item is or was part of.
        """
        known = self._orders.get(order_id)
        return known is not None and known.ends(item_id, *release_ids)

    def ends_line(self, order_id: str, item_id: str) -> bool:
        """Whether a line of an order was taken back, whatever it holds."""
        known = self._orders.get(order_id)
        return known is not None and (known.whole or item_id in known.items)

    def replace(self, orders: Mapping[str, TakenBack], number: int) -> None:
        """Take a whole list."""
        self._orders = dict(orders)
        self.number = number

    def update(self, orders: Mapping[str, TakenBack], number: int) -> None:
        """Take what has changed; an order may have nothing left revoked."""
        # Another one: the one before may be on its way to the disk.
        known = {**self._orders, **orders}
        for order_id, each in orders.items():
            if not (each.whole or each.items):
                del known[order_id]
        self._orders, self.number = known, number

    def load(self) -> None:
        """Read the last known list, if there is one. Raises BadList.

        Waits for the disk, as `save` does.
        """
        try:
            text = self._path.read_text("ascii")
        except FileNotFoundError:
            return
        except (OSError, UnicodeDecodeError) as error:
            raise BadList(self._path) from error
        header, _, body = text.partition("\n")
        if header != _header(body):
            raise BadList(self._path)
        self._orders = self._saved = {
            order_id: TakenBack(whole, frozenset(items), frozenset(kept))
            for order_id, (whole, items, kept) in json.loads(body).items()
        }

    @property
    def is_saved(self) -> bool:
        """Whether the file holds this list."""
        return self._orders is self._saved

    def save(self) -> None:
        """Keep the list: all of it or the one before. Raises OSError.

        Does nothing where it is kept. Of two threads, one waits for the other.
        """
        with self._saving:
            if not self.is_saved:
                orders = self._orders
                self._write(orders)
                self._saved = orders

    def _write(self, orders: Mapping[str, TakenBack]) -> None:
        body = json.dumps(
            {order_id: _row(each) for order_id, each in orders.items()}
        )
        self._path.parent.mkdir(parents=True, exist_ok=True)
        text = f"{_header(body)}\n{body}"
        # The database has the list too, so its name can do without a sync.
        write_file(self._path, text.encode("ascii"), durable_name=False)


def _row(each: TakenBack) -> list[Any]:
    return [each.whole, sorted(each.items), sorted(each.kept)]


def _header(body: str) -> str:
    return f"{_HEADER} {sha256(body.encode('ascii')).hexdigest()}"
