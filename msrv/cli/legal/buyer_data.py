# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Work of the commands about one buyer's data, and their output.

Apart from the commands: it imports SQLAlchemy, which others don't need.
"""

import asyncio
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from msrv.cli.access.operator_admin import record, record_apart
from msrv.ledger.buyer_data.order_rows import (
    REASONS,
    OrderRows,
    erase_rows,
    read_rows,
)
from msrv.ledger.db import schema_upgrade
from msrv.ledger.db.database import Database
from msrv.ledger.errors import LedgerError
from msrv.mail.outbox import DAMAGED, FOLDER_NAME
from msrv.mail.seller_mail import SellerMail
from msrv.mail.withdrawal_mail import WithdrawalMail
from msrv.proofs.orders import is_order_id, typed_order_id
from msrv.settings import Settings
from msrv.text_table import plural

_ELSEWHERE: Final = (
    "the payment provider, under the order's reference",
    "mails that were sent: in your mailbox and on the mail servers",
    "backups, until you delete them",
)
_KEPT_MAILS: Final[Mapping[str, tuple[str, str]]] = {
    WithdrawalMail.KIND: (
        "confirmations",
        "to confirm a withdrawal; erased by itself once it is sent",
    ),
    SellerMail.KIND: (
        "notifications",
        "to the seller; it has no name and no address of a buyer",
    ),
}
"""Names of mails that can't be erased, and why, by their `kind`."""


@dataclass(frozen=True, slots=True)
class _WaitingMail:
    """Mail in the outbox; `fields` are its file's, or its name alone."""

    path: Path
    fields: dict[str, Any]

    @property
    def kept_as(self) -> tuple[str, str] | None:
        """Name and reason in _KEPT_MAILS; None for what can be erased.

        One that can't be read won't be sent, and nothing needs it.
        """
        if self.path.suffix == DAMAGED:
            return None
        return _KEPT_MAILS.get(str(self.fields.get("kind")))


def export(settings: Settings, order: str) -> str:
    """Return what the store holds of an order, as JSON. Raises LedgerError."""
    order_id = _order_id(order)
    found = asyncio.run(_read(settings, order_id))
    mails = list(_mails(settings, order_id))
    if found.is_empty and not mails:
        raise LedgerError(f"nothing is held of order {order_id}")
    asyncio.run(_record_export(settings, order_id))
    kept = _kept_mails(mails)
    data: dict[str, Any] = {
        "order_id": order_id,
        "exported_at": int(time.time()),
        "can_be_erased": {
            **found.erasable,
            "outbox": [each.fields for each in mails if not each.kept_as],
        },
        "has_to_be_kept": {
            name: {"reason": REASONS[name], "rows": rows}
            for name, rows in found.kept.items()
        }
        | {
            name: {
                "reason": reason,
                "rows": [each.fields for each in of_reason],
            }
            for (name, reason), of_reason in kept.items()
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
    erasable = [each for each in mails if not each.kept_as]
    if really:
        count = asyncio.run(_erase(settings, order_id))
        for each in erasable:
            each.path.unlink(missing_ok=True)
    verb = "erased" if really else "can be erased"
    rows, waiting = plural(count, "row"), plural(len(erasable), "waiting mail")
    lines = [f"{rows} of the ledger and {waiting} {verb}"]
    lines += [f"kept: {name}: {REASONS[name]}" for name in found.kept]
    lines += [
        f"kept: {plural(len(of_reason), 'waiting mail')}: {reason}"
        for (_, reason), of_reason in _kept_mails(mails).items()
    ]
    lines += [f"elsewhere: {each}" for each in _ELSEWHERE]
    if not really:
        lines.append("Nothing was changed: add --yes to erase it.")
    return "\n".join(lines)


def _order_id(order: str) -> str:
    order_id = typed_order_id(order)
    if not is_order_id(order_id):
        raise LedgerError(f"{order!r} is not an order number")
    return order_id


async def _read(settings: Settings, order_id: str) -> OrderRows:
    database = Database.existing(settings)
    try:
        async with database.read_transaction() as connection:
            await schema_upgrade.require_revision(connection)
            return await read_rows(connection, order_id)
    finally:
        await database.close()


async def _record_export(settings: Settings, order_id: str) -> None:
    database = Database.existing(settings)
    try:
        await record_apart(database, "export-order", order_id)
    finally:
        await database.close()


async def _erase(settings: Settings, order_id: str) -> int:
    database = Database.existing(settings)
    try:
        async with database.write_transaction() as connection:
            await record(connection, "erase-order", order_id)
            return await erase_rows(connection, order_id)
    finally:
        await database.close()


def _mails(settings: Settings, order_id: str) -> Iterator[_WaitingMail]:
    """Yield the mails about an order that haven't been sent, or can't be.

    Of some kinds, the order's number is in the file and not in its name.
    """
    folder = settings.data / FOLDER_NAME
    for path in sorted((*folder.glob("*.json"), *folder.glob(f"*{DAMAGED}"))):
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            continue  # sent meanwhile
        if path.name.startswith(order_id) or order_id.encode() in content:
            yield _WaitingMail(path, _parse_fields(content, path))


def _parse_fields(content: bytes, path: Path) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"file": path.name}


def _kept_mails(
    mails: Sequence[_WaitingMail],
) -> dict[tuple[str, str], list[_WaitingMail]]:
    """Return the mails that can't be erased, by name and reason."""
    kept: dict[tuple[str, str], list[_WaitingMail]] = {}
    for each in mails:
        if each.kept_as:
            kept.setdefault(each.kept_as, []).append(each)
    return kept
