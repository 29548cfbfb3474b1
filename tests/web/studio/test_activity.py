# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The activity log of the studio: recording and page."""

import pytest

from msrv.ledger.errors import SpoolFailed
from msrv.ledger.operators import act_queries
from msrv.web.studio.activity import NAMES
from tests.conftest import Clock
from tests.ledger.sample_events import order_id, sale
from tests.web.studio.conftest import Studio


async def recorded_acts(studio: Studio) -> list[tuple[str, str]]:
    """Return each act with its subject, sorted."""
    await studio.wait_until_synced()
    told = await studio.data("/studio/activity")
    return sorted((each["act"], each["subject"]) for each in told["acts"])


async def test_acts_are_recorded_with_their_session(
    any_studio: Studio,
) -> None:
    """Viewing, exporting and refunding each leave a record."""
    await any_studio.store_events(sale(1, ("song", 100)))
    order = f"/studio/orders/{order_id(1)}"
    await any_studio.text(order)
    await any_studio.text("/studio/orders.csv?from=2027-01-01&to=2027-02-01")
    await any_studio.post(f"{order}/revoke", item="song")
    await any_studio.post(f"{order}/revoke", item="song", undo="1")
    assert await recorded_acts(any_studio) == [
        ("export-orders", "2027-01-01..2027-02-01"),
        ("restore", f"{order_id(1)}.song"),
        ("revoke", f"{order_id(1)}.song"),
        ("view-order", order_id(1)),
    ]
    page = await any_studio.text("/studio/activity")
    for act in ("view-order", "export-orders", "revoke", "restore"):
        assert NAMES[act] in page
    assert page.count("(yours)") == 4


async def test_activity_is_paginated(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    monkeypatch.setattr(act_queries, "MAX_ACTS", 2)
    await studio.store_events(sale(1, ("song", 100)))
    for _ in range(5):
        clock.now += 1
        await studio.text(f"/studio/orders/{order_id(1)}")
    await studio.wait_until_synced()
    found, path = [], "/studio/activity"
    while path:
        told = await studio.data(path)
        found += [each["at_ms"] for each in told["acts"]]
        path = told["older"]
    assert len(found) == 5
    assert found == sorted(found, reverse=True)
    assert (await studio.get("/studio/activity?after=x")).status == 400


async def test_full_disk_does_not_block_the_order_page(
    studio: Studio,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The act is in the log then."""
    await studio.store_events(sale(1, ("song", 100)))

    async def fail(event: object) -> None:
        raise SpoolFailed(f"no room for {event}")

    monkeypatch.setattr(studio.ledger, "record", fail)
    caplog.set_level("INFO")
    await studio.text(f"/studio/orders/{order_id(1)}")
    assert f"viewed an order {order_id(1)}" in caplog.text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/studio/orders.csv"),
        ("GET", "/studio/orders/{order}/revoke"),
        ("POST", "/studio/orders/{order}/revoke"),
        ("GET", "/studio/orders/{order}/refund"),
        ("POST", "/studio/orders/{order}/refund"),
        ("POST", "/studio/orders/{order}/mail"),
        ("POST", "/studio/orders/{order}/country"),
        ("GET", "/studio/orders/{order}/evidence"),
        ("GET", "/studio/orders/{order}/evidence.pdf"),
    ],
)
async def test_refunds_and_exports_need_a_recent_sign_in(
    studio: Studio, clock: Clock, method: str, path: str
) -> None:
    """A session kept alive for more than an hour isn't enough."""
    await studio.store_events(sale(1, ("song", 100)))
    clock.now += 3000
    answer = await studio.get("/studio")
    studio.cookie = next(iter(answer.cookies.values())).value
    clock.now += 600
    where = path.format(order=order_id(1))
    assert (await studio.get("/studio")).status == 200
    refused = (
        await studio.get(where)
        if method == "GET"
        else await studio.post(where)
    )
    assert refused.status == 403
    assert "Please sign in again" in await refused.text()
    order = await studio.data(f"/studio/orders/{order_id(1)}")
    assert order["changes"] == []
