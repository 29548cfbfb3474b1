# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Receipts of simulated payments in a store that takes real money now."""

from collections.abc import Mapping

import pytest

from msrv import settings as settings_room
from msrv.settings import Settings
from tests.conftest import StartStore
from tests.web.purchases import JSON, path_of


@pytest.mark.parametrize(
    "now",
    [
        {"MSRV_STRIPE_KEY": "sk_live_" + "a" * 24},
        {},  # free items and codes alone
    ],
    ids=["live", "no provider"],
)
async def test_live_store_refuses_receipts_and_links_of_simulated_payments(
    start_store: StartStore,
    settings: Settings,
    now: Mapping[str, str],
) -> None:
    """The same NONCE and data folder, first with simulated payments."""
    before = await start_store(settings)
    form = {"item": "departure", "provider": "demo"}
    bought = await (
        await before.post("/purchases", data=form, headers=JSON)
    ).json()
    gift = {"item": "zine"}
    free = await (
        await before.post("/purchases", data=gift, headers=JSON)
    ).json()
    paths = [
        path_of(bought["receipt"]),
        path_of(bought["downloads"]["departure"]),
    ]
    for path in paths:
        assert (await before.get(path)).status == 200
    await before.close()

    live = await start_store(
        settings_room.load(
            {
                "MSRV_LIBRARY": str(settings.library),
                "MSRV_DATA": str(settings.data),
                "MSRV_TLS": "off",
                **now,
            }
        )
    )
    for path in paths:
        assert (await live.get(path)).status == 404
    # What cost nothing needed no simulated payment.
    for path in (path_of(free["receipt"]), path_of(free["downloads"]["zine"])):
        assert (await live.get(path)).status == 200
