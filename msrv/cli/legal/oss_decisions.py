# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Work of the commands `oss decide` and `oss undo`.

Apart from the commands: it imports SQLAlchemy, which others don't need.
"""

import time

from sqlalchemy.ext.asyncio import AsyncConnection

from msrv.cli.access.operator_admin import record, run
from msrv.ledger.db.taxes import decisions
from msrv.ledger.errors import LedgerError
from msrv.ledger.operators.acts import CLI
from msrv.proofs.orders import is_order_id, typed_order_id
from msrv.settings import Settings
from msrv.taxes.country_decisions import CountryDecision
from msrv.taxes.rates import TaxRules
from msrv.taxes.report_data import rate_text
from msrv.text_table import labelled


def decide(
    settings: Settings,
    order: str,
    country: str,
    rate_bp: int | None,
    rules: TaxRules,
) -> str:
    """Decide an order's country; return a report. Raises LedgerError."""
    order_id = _order_id(order)

    async def change(connection: AsyncConnection) -> CountryDecision:
        made = await decisions.decide_country(
            connection,
            order_id,
            country,
            rate_bp,
            rules,
            now=int(time.time()),
            by=CLI,
        )
        await record(connection, decisions.DECIDED, f"{order_id}.{country}")
        return made

    made = run(settings, change)
    rate = "none" if made.rate_bp is None else f"{rate_text(made.rate_bp)}%"
    return labelled(
        ("order", order_id), ("country", made.country), ("rate", rate)
    )


def undo(settings: Settings, order: str) -> str:
    """Remove a decision; return a report. Raises LedgerError."""
    order_id = _order_id(order)

    async def change(connection: AsyncConnection) -> None:
        await decisions.take_back(connection, order_id)
        await record(connection, decisions.TAKEN_BACK, order_id)

    run(settings, change)
    return labelled(("order", order_id), ("country", "not decided"))


def _order_id(text: str) -> str:
    """Return an order's id as it was typed. Raises LedgerError."""
    order_id = typed_order_id(text)
    if not is_order_id(order_id):
        raise LedgerError(f"{text!r} is not an order number")
    return order_id
