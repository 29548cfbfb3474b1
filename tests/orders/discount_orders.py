# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Orders with a discount code."""

from typing import Final

from tests.conftest import Client

JSON: Final = {"Accept": "application/json"}
DISCOUNTS: Final = """
[discounts.SPRING]
percent = 20
last_day = "2027-01-15"

[discounts.GIFT]
percent = 100
uses = 2

[discounts.FEW]
amount = "2.00"
uses = 2
items = ["night-bus"]
"""


async def order(store: Client, code: str, *items: str) -> tuple[int, str, int]:
    """Place an order; return the status, the error and the total paid."""
    answer = await store.post(
        "/purchases",
        data=[("discount", code), *(("item", each) for each in items)],
        headers=JSON,
    )
    found = await answer.json()
    if answer.status != 201:
        return answer.status, found["error"], 0
    paid = await (
        await store.get(
            "/purchases/" + found["receipt"].rpartition("/")[2], headers=JSON
        )
    ).json()
    return answer.status, "", paid["total_minor"]
