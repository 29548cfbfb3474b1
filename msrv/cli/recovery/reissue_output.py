# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Work of `reissue`, and its output.

Apart from `reissue`: it imports SQLAlchemy, which other commands don't need.
"""

import asyncio
import csv
import sys
import time
from collections import Counter
from typing import Final

import click

from msrv.catalog.model import Shop
from msrv.cli.access.operator_admin import record_apart
from msrv.cli.errors import file_problem
from msrv.cli.progress import ProgressLine
from msrv.display_text import reason_of
from msrv.ledger.db import schema_upgrade
from msrv.ledger.db.database import Database
from msrv.mail.outbox import FOLDER_NAME, Outbox
from msrv.orders.reissues.reissued_orders import (
    Disposition,
    Reissue,
    ReissuedOrder,
)
from msrv.payments.provider import ProviderUnavailable
from msrv.payments.registry import Providers
from msrv.proofs import receipts
from msrv.proofs.keyring import Keyring
from msrv.settings import Settings
from msrv.text_table import labelled, plural
from msrv.web.studio.csv_export import text as cell

_COLUMNS: Final = ("order", "provider", "reference", "reason", "receipt")
_LISTED: Final = frozenset({Disposition.NO_ADDRESS, Disposition.GIFT})


def run(
    settings: Settings,
    keyring: Keyring,
    shop: Shop,
    *,
    base_url: str,
    before: int | None,
    rate: float,
    send: bool,
) -> None:
    """Reissue all orders, or count them. Raises DatabaseError.

    Raises ClickException where the provider or the disk stops it.
    """
    counts: Counter[Disposition] = Counter()
    try:
        asyncio.run(
            _run(
                settings,
                keyring,
                shop,
                counts,
                base_url=base_url,
                before=before,
                rate=rate,
                send=send,
            )
        )
    except ProviderUnavailable as error:
        raise click.ClickException(_stopped(error, counts)) from None
    except OSError as error:
        reason = (
            file_problem(error)
            if error.filename is not None
            else reason_of(error)
        )
        raise click.ClickException(_stopped(reason, counts)) from None
    finally:
        sys.stdout.flush()
    click.echo(_summary(counts, send=send), err=True)


async def _run(
    settings: Settings,
    keyring: Keyring,
    shop: Shop,
    counts: "Counter[Disposition]",
    *,
    base_url: str,
    before: int | None,
    rate: float,
    send: bool,
) -> None:
    database = Database.existing(settings)
    providers = Providers.from_settings(settings)
    try:
        await schema_upgrade.prepare_schema(database)
        work = Reissue(
            database=database,
            keyring=keyring,
            providers=providers,
            shop=shop,
            base_url=base_url,
            clock=lambda: int(time.time()),
            before=before,
            look_ups_per_second=rate,
        )
        outbox = Outbox(settings.data / FOLDER_NAME)
        batches = work.send(outbox) if send else work.plan()
        writer = csv.writer(sys.stdout, lineterminator="\n")
        if send:
            await record_apart(database, "reissue", "")
            writer.writerow(_COLUMNS)
        with ProgressLine() as line:
            async for batch in batches:
                counts.update(each.outcome for each in batch)
                line.update(f"{counts.total():,} orders")
                if send:
                    writer.writerows(_rows(batch, keyring, base_url))
    finally:
        await providers.aclose()
        await database.close()


def _rows(
    batch: list[ReissuedOrder], keyring: Keyring, base_url: str
) -> list[tuple[str, str, str, str, str]]:
    """Return the rows of those who have to be told in another way."""
    return [
        (
            each.order.order_id,
            cell(each.order.provider),
            cell(each.order.reference),
            each.outcome.value,
            f"{base_url}/purchases/{receipts.sign(keyring, each.receipt)}",
        )
        for each in batch
        if each.outcome in _LISTED
    ]


def _summary(counts: "Counter[Disposition]", *, send: bool) -> str:
    """Return what was done, or would be, in aligned lines."""
    rows = [("orders", f"{counts.total():,}")]
    if send:
        queued = plural(counts[Disposition.MAILED], "mail")
        rows.append(("mail", f"{queued} queued; a running store sends them"))
    else:
        rows.append(
            (
                "to look up",
                f"{counts[Disposition.TO_LOOK_UP]:,} at the payment provider",
            )
        )
    rows += [
        (name, f"{counts[outcome]:,}")
        for name, outcome in (
            ("mailed before", Disposition.DONE_BEFORE),
            ("no address", Disposition.NO_ADDRESS),
            ("gifts", Disposition.GIFT),
            ("refunded", Disposition.REFUNDED),
        )
        if counts[outcome]
    ]
    if not send:
        rows.append(("note", "nothing was changed; --send mails them"))
    return labelled(*rows)


def _stopped(reason: object, counts: "Counter[Disposition]") -> str:
    queued = plural(counts[Disposition.MAILED], "mail")
    return f"stopped after {queued}: {reason}; run it again to continue"
