# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Withdrawals in the studio: what waits, its refund, and its end."""

from msrv.ledger.withdrawals.events import WithdrawalStated
from msrv.ledger.withdrawals.rows import MAX_ROWS
from tests.ledger.sample_events import NOON, order_id, sale
from tests.web.studio.conftest import JSON, Studio


async def test_withdrawals_wait_until_they_are_handled(
    studio: Studio,
) -> None:
    assert "No withdrawals" in await studio.text("/studio/withdrawals")
    await studio.store_events(
        sale(1, ("song", 700)),
        WithdrawalStated("receipt-1", order_id(1), NOON * 1000, "ended"),
        WithdrawalStated("number-2", order_id(2), NOON * 1000, "unproved"),
    )
    found = (await studio.data("/studio/withdrawals"))["withdrawals"]
    assert {each["withdrawal_id"] for each in found} == {
        "receipt-1",
        "number-2",
    }
    page = await studio.text("/studio/withdrawals")
    assert f"/studio/orders/{order_id(1)}/refund?part=rest" in page
    assert f"/studio/orders/{order_id(2)}" not in page
    assert "no order with this number" in page
    done = await studio.post("/studio/withdrawals", id="receipt-1")
    assert done.status in {200, 303}
    again = await studio.post("/studio/withdrawals", JSON, id="receipt-1")
    assert await again.json() == {"id": "receipt-1"}
    first, last = (await studio.data("/studio/withdrawals"))["withdrawals"]
    assert first["withdrawal_id"] == "number-2"
    assert last["handled_at_ms"] is not None
    wrong = await studio.post("/studio/withdrawals", JSON, id="Not One")
    assert wrong.status == 400
    assert "marked a withdrawal" in await studio.text("/studio/activity")


async def test_statements_that_anybody_can_send_hide_no_other(
    studio: Studio,
) -> None:
    await studio.store_events(
        WithdrawalStated("receipt-1", order_id(1), NOON * 1000, "late"),
        *(
            WithdrawalStated(
                f"number-{number}",
                order_id(number),
                NOON * 1000 + number,
                "unproved" if number % 2 else "nothing-paid",
            )
            for number in range(2, MAX_ROWS + 2)
        ),
    )
    found = (await studio.data("/studio/withdrawals"))["withdrawals"]
    assert len(found) == MAX_ROWS
    shown = [each["withdrawal_id"] for each in found]
    assert shown[:2] == ["receipt-1", f"number-{MAX_ROWS + 1}"]
