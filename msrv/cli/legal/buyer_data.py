# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Work of the commands about one buyer's data, and their output.

Apart from the commands: it imports SQLAlchemy, which others don't need.
"""

import asyncio
import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from msrv.ledger.buyer_data.order_rows import (
    REASONS,
    OrderRows,
    erase_rows,
    read_rows,
)
from msrv.ledger.connection_rules import ConnectionRules
from msrv.ledger.db import schema_upgrade
from msrv.ledger.db.database import Database
from msrv.ledger.errors import LedgerError
from msrv.mail.outbox import FOLDER_NAME
from msrv.proofs.orders import is_order_id
from msrv.settings import Settings
from msrv.text_table import plural

_ELSEWHERE: Final = (
    "the payment provider, under the order's reference",
    "mails that were sent: in your mailbox and on the mail servers",
    "backups, until you delete them",
)


def export(settings: Settings, order: str) -> str:
    """Return what the store holds of an order, as JSON. Raises LedgerError."""
    order_id = _order_id(order)
    found = asyncio.run(_read(settings, order_id))
    mails = list(_mails(settings, order_id))
    if found.is_empty and not mails:
        raise LedgerError(f"nothing is held of order {order_id}")
    data: dict[str, Any] = {
        "order_id": order_id,
        "exported_at": int(time.time()),
        "can_be_erased": {
            **found.erasable,
            "outbox": [_read_mail(each) for each in mails],
        },
        "has_to_be_kept": {
            name: {"reason": REASONS[name], "rows": rows}
            for name, rows in found.kept.items()
        },
        "elsewhere": list(_ELSEWHERE),
    }
    return json.dumps(data, indent=2, ensure_ascii=False)


def erase(settings: Settings, order: str, *, really: bool) -> str:
    """Erase or count what can be erased of an order; return a report.

    Raises LedgerError.
    """
    order_id = _order_id(order)
    mails = list(_mails(settings, order_id))
    found = asyncio.run(_read(settings, order_id))
    if found.is_empty and not mails:
        raise LedgerError(f"nothing is held of order {order_id}")
    count = sum(map(len, found.erasable.values()))
    if really:
        count = asyncio.run(_erase(settings, order_id))
        for path in mails:
            path.unlink(missing_ok=True)
    verb = "erased" if really else "can be erased"
    rows, waiting = plural(count, "row"), plural(len(mails), "waiting mail")
    lines = [f"{rows} of the ledger and {waiting} {verb}"]
    lines += [f"kept: {name}: {REASONS[name]}" for name in found.kept]
    lines += [f"elsewhere: {each}" for each in _ELSEWHERE]
    if not really:
        lines.append("Nothing was changed: add --yes to erase it.")
    return "\n".join(lines)


def _order_id(order: str) -> str:
    order_id = "".join(order.split()).replace("-", "").upper()
    if not is_order_id(order_id):
        raise LedgerError(f"{order!r} is not an order number")
    return order_id


async def _read(settings: Settings, order_id: str) -> OrderRows:
    database = _database(settings)
    try:
        async with database.read_transaction() as connection:
            schema_upgrade.check_revision(
                await schema_upgrade.read_revision(connection)
            )
            return await read_rows(connection, order_id)
    finally:
        await database.close()


async def _erase(settings: Settings, order_id: str) -> int:
    database = _database(settings)
    try:
        async with database.write_transaction() as connection:
            return await erase_rows(connection, order_id)
    finally:
        await database.close()


def _database(settings: Settings) -> Database:
    return Database.open(
        settings.database_url, settings.data, ConnectionRules.of(settings)
    )


def _mails(settings: Settings, order_id: str) -> Iterator[Path]:
    """Yield the files of an order's mails that haven't been sent."""
    yield from sorted((settings.data / FOLDER_NAME).glob(f"{order_id}*.json"))


def _read_mail(path: Path) -> dict[str, Any]:
    with contextlib.suppress(OSError, ValueError):
        found: dict[str, Any] = json.loads(path.read_bytes())
        return found
    return {"file": path.name}
