# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Limits on guesses of discount codes."""

from ipaddress import ip_network
from pathlib import Path

import pytest

from msrv.orders import rate_limits
from msrv.settings import Settings
from msrv.web.store import STORE
from tests.conftest import Client, Clock, StartStore
from tests.orders.discount_orders import DISCOUNTS, JSON, order


async def test_unknown_codes_are_limited_guesses(
    discount_store: Client,
) -> None:
    await discount_store.post(
        "/cart", data={"add": "night-bus", "discount": "<b>x"}
    )
    page = await (await discount_store.get("/cart")).text()
    assert "a valid discount code" not in page  # can't be one, not even kept
    await discount_store.post("/cart", data={"discount": "WINTER"})
    page = await (await discount_store.get("/cart")).text()
    # It is said once, and then forgotten.
    assert "a valid discount code" not in page
    for number in range(rate_limits.GUESSES.burst):
        await order(discount_store, f"GUESS{number}", "night-bus")
    answer = await discount_store.post(
        "/purchases", data={"item": "night-bus", "discount": "SPRING"}
    )
    assert answer.status == 429
    assert (await discount_store.get("/cart")).status == 200


async def test_exhausted_guess_totals_keep_nobody_from_a_kept_code(
    discount_store: Client, clock: Clock
) -> None:
    totals = discount_store.app[STORE].limits.discounts.totals
    await discount_store.post(
        "/cart", data={"add": "night-bus", "discount": "SPRING"}
    )
    for group in ("typed", "cookie"):
        totals.spend(group, now=clock.now, cost=rate_limits.ALL_GUESSES.burst)
    # Who has one already keeps it, up to the payment.
    assert "\u2212€1.40" in await (await discount_store.get("/cart")).text()
    assert await order(discount_store, "SPRING", "night-bus") == (201, "", 560)
    # Codes are counted apart.
    assert discount_store.app[STORE].limits.codes.refused == 0
    discount_store.app[STORE].limits.codes.check(
        "here", group="new", now=clock.now
    )


@pytest.mark.slow
async def test_cookie_guesses_do_not_use_up_typed_guesses(
    start_store: StartStore,
    settings: Settings,
    library: Path,
) -> None:
    """GETs with wrong cookies have a total of their own."""
    with (library / "store.toml").open("a", encoding="utf-8") as file:
        file.write(DISCOUNTS)
    store = await start_store(
        settings.model_copy(
            update={"trusted_proxies": (ip_network("127.0.0.0/8"),)}
        )
    )
    for number in range(1150):
        store.session.cookie_jar.clear()
        await store.get(
            "/cart",
            headers={"X-Forwarded-For": f"198.51.100.{number // 10}"},
            cookies={"cart": "night-bus", "discount": f"WRONG{number}"},
        )
    totals = store.app[STORE].limits.discounts.totals
    assert totals.wait_seconds("typed", now=0, cost=100_000) == 0
    store.session.cookie_jar.clear()
    answer = await store.post(
        "/cart", data={"add": "night-bus", "discount": "SPRING"}, headers=JSON
    )
    assert (await answer.json())["discount"]["totals"][0]["off_minor"] == 140


async def test_repeated_wrong_cookie_is_one_guess(
    discount_store: Client,
) -> None:
    for _ in range(3 * rate_limits.GUESSES.burst):
        discount_store.session.cookie_jar.clear()
        answer = await discount_store.get(
            "/cart",
            headers=JSON,
            cookies={"cart": "night-bus", "discount": "WRONG"},
        )
        said = (await answer.json())["discount"]["message"]
        assert said == "“WRONG” isn't a valid discount code."
    discount_store.session.cookie_jar.clear()
    assert await order(discount_store, "SPRING", "night-bus") == (201, "", 560)


async def test_network_that_guesses_by_cookies_is_limited(
    discount_store: Client,
) -> None:
    said = set()
    for number in range(rate_limits.GUESSES.burst + 5):
        discount_store.session.cookie_jar.clear()
        answer = await discount_store.get(
            "/cart",
            headers=JSON,
            cookies={"cart": "night-bus", "discount": f"WRONG{number}"},
        )
        said.add((await answer.json())["discount"]["message"])
    assert (
        "Too many discount codes were tried. Please try again in a minute."
        in said
    )
