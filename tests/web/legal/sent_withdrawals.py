# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Purchases that are withdrawn, and what is mailed and recorded."""

from typing import Any

from msrv.ledger.withdrawals import rows
from msrv.mail.rendering import parse_mail
from msrv.mail.withdrawal_mail import WithdrawalMail
from msrv.web.store import STORE
from tests.conftest import Client
from tests.web.purchases import path_of

JSON = {"Accept": "application/json"}
MAIL = "kim@example.net"
PERSON = {"name": "Kim O'Hara", "mail": MAIL}


async def buy(store: Client, **more: str) -> dict[str, Any]:
    """Buy the album, and return its receipt's JSON with its path."""
    form = {"item": "night-bus", "total_minor": "700", **more}
    bought = await store.post("/purchases", data=form, headers=JSON)
    assert bought.status == 201, await bought.text()
    path = path_of((await bought.json())["receipt"])
    shown: dict[str, Any] = await (await store.get(path, headers=JSON)).json()
    return {**shown, "path": path}


def outbox(store: Client) -> list[WithdrawalMail]:
    """Return the confirmations that wait to be sent."""
    folder = store.app[STORE].settings.data / "outbox"
    found = [parse_mail(each.read_bytes()) for each in folder.glob("*.json")]
    return [each for each in found if isinstance(each, WithdrawalMail)]


async def withdrawals(store: Client) -> tuple[rows.Withdrawal, ...]:
    """Return the withdrawals in the database."""
    async with store.app[STORE].ledger.read_transaction() as connection:
        return await rows.list_withdrawals(connection)


async def withdraw(store: Client, path: str, **more: str) -> dict[str, Any]:
    """Confirm a withdrawal, and return the answer."""
    form = {**PERSON, "confirm": "1", **more}
    answer = await store.post(path, data=form, headers=JSON)
    assert answer.status == 200, await answer.text()
    found: dict[str, Any] = await answer.json()
    return found
