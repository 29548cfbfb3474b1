# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Withdrawals in the studio: what waits, its refund, and its end."""

from dataclasses import replace

import pytest

from msrv.ledger.withdrawals.events import WithdrawalHandled, WithdrawalStated
from msrv.ledger.withdrawals.rows import MAX_ROWS
from tests.ledger.sample_events import NOON, order_id, reversal, revoked, sale
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


@pytest.mark.parametrize(
    ("outcome", "fact", "request_"),
    [
        ("ended", "The downloads have ended.", "Please refund"),
        ("consented", "immediate delivery before paying.", "Please decide"),
        ("late", "older than fourteen days.", "Please decide"),
        ("unproved", "which anybody may know.", "Compare name"),
    ],
)
async def test_refund_is_asked_for_until_it_was_made(
    any_studio: Studio, outcome: str, fact: str, request_: str
) -> None:
    path, done = "/studio/withdrawals", "Everything that was paid has been"
    await any_studio.store_events(
        sale(1, ("song", 200)),
        WithdrawalStated("receipt-1", order_id(1), NOON * 1000, outcome),
        # Ended downloads, and a part, and a refused refund are not all.
        revoked(1),
        reversal(1, 50),
        replace(
            reversal(1, 200, "failed", is_effective=False), reversal_id="re_9"
        ),
    )
    waiting = await any_studio.text(path)
    assert request_ in waiting
    assert f"{order_id(1)}/refund" in waiting
    assert done not in waiting
    (told,) = (await any_studio.data(path))["withdrawals"]
    assert (told["paid_minor"], told["refunded_minor"]) == (200, 50)

    rest = replace(reversal(1, 150), reversal_id="re_2")
    await any_studio.store_events(rest)
    refunded = await any_studio.text(path)
    assert fact in refunded
    assert done in refunded
    assert request_ not in refunded
    assert f"{order_id(1)}/refund" not in refunded
    assert "Mark as handled" in refunded


async def test_handled_withdrawal_asks_for_nothing(studio: Studio) -> None:
    """Also where it was refunded elsewhere, unknown to the ledger."""
    await studio.store_events(
        sale(1, ("song", 200)),
        WithdrawalStated("receipt-1", order_id(1), NOON * 1000, "ended"),
        WithdrawalHandled("receipt-1", NOON * 1000 + 1),
    )
    page = await studio.text("/studio/withdrawals")
    assert "The downloads have ended." in page
    assert "Please refund" not in page
    assert "Everything that was paid" not in page


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
