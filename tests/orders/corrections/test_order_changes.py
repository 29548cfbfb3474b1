# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Changes of an order's releases, as its buyer is told of them."""

from dataclasses import replace

from msrv.ledger.corrections.watched_files import FileChange
from msrv.orders.corrections.order_changes import (
    bought_parts,
    corrected_releases,
)
from msrv.web.store import STORE
from tests.conftest import Client


async def test_release_watched_under_two_ids_is_told_once(
    store: Client,
) -> None:
    """The first buyer asked before the release was renamed."""
    catalog = replace(
        store.app[STORE].catalog.current, moved={"before": "night-bus"}
    )
    (corrected,) = corrected_releases(
        catalog,
        bought_parts(catalog, ["night-bus"]),
        [
            FileChange("before", "departure", is_new=False),
            FileChange("night-bus", "departure", is_new=True),
            FileChange("before", "wrong-stop", is_new=False),
            FileChange("night-bus", "wrong-stop", is_new=False),
        ],
    )
    assert corrected.added == ("Departure",)
    assert corrected.changed == ("Wrong Stop",)
