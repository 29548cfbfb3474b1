# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""The visitor's cookies: names and attributes, over HTTPS and without."""

from typing import Final

import pytest

from msrv import settings as settings_room
from msrv.settings import Settings
from tests.conftest import Client, StartStore

JSON: Final = {"Accept": "application/json"}
HTTPS: Final = {"X-Forwarded-Proto": "https", **JSON}


@pytest.fixture
async def shop(start_store: StartStore, settings: Settings) -> Client:
    """Return a store behind an HTTPS proxy, with a discount."""
    assert settings.library is not None
    toml = settings.library / "store.toml"
    text = toml.read_text("utf-8")
    toml.write_text(text + "[discounts.SPRING]\npercent = 10\n", "utf-8")
    values = {"trusted_proxies": ("127.0.0.1/32", "::1/128")}
    return await start_store(
        settings_room.Settings.model_validate(
            settings.model_dump(exclude_defaults=True) | values
        )
    )


async def cookies_of(shop: Client, headers: dict[str, str]) -> dict[str, str]:
    """Return each cookie that the store sets, by its name, as it is sent."""
    form = {"add": "departure", "discount": "SPRING"}
    answers = [
        await shop.post("/cart", data=form, headers=headers),
        await shop.get("/redeem", headers=headers),
    ]
    sent = [
        line
        for answer in answers
        for line in answer.headers.getall("Set-Cookie", [])
    ]
    return {line.partition("=")[0]: line for line in sent}


async def test_cookies_over_https_are_bound_to_their_host(
    shop: Client,
) -> None:
    """With `__Host-`, without a Domain, for all paths."""
    found = await cookies_of(shop, HTTPS)
    assert set(found) == {"__Host-cart", "__Host-discount", "__Host-claim"}
    for line in found.values():
        parts = line.split("; ")[1:]
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(parts)
        assert not any(part.startswith("Domain") for part in parts)


async def test_cookies_over_plain_http_have_no_prefix(shop: Client) -> None:
    """Browsers would reject the prefix."""
    found = await cookies_of(shop, JSON)
    assert set(found) == {"cart", "discount", "claim"}
    assert all("Secure" not in line for line in found.values())


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("cart", 0),
        ("__Host-cart", 1),
        ("__Secure-cart", 0),
        # White space to Python, and a part of the name to a browser.
        ("\u2003__Host-cart", 0),
        ("\xa0__Host-cart", 0),
        ("\x85__Host-cart", 0),
    ],
)
async def test_cookie_that_another_host_may_have_set_is_not_read(
    shop: Client, name: str, count: int
) -> None:
    headers = HTTPS | {"Cookie": f"{name}=departure"}
    answer = await shop.get("/cart", headers=headers)
    assert len((await answer.json())["items"]) == count


@pytest.mark.parametrize(
    "header",
    [
        "cart=departure",
        " cart = departure ;",
        "a=1; cart=departure; b",
        "a=1;cart=departure;b=2",
        ";;;=;cart=departure",
        'x="a;b"; cart=departure',
        "cart=wrong-stop; cart=departure",
        "a=1; " * 1000 + "cart=departure",
    ],
)
async def test_cart_is_found_among_other_cookies(
    store: Client, header: str
) -> None:
    answer = await store.get("/cart", headers={**JSON, "Cookie": header})
    items = (await answer.json())["items"]
    assert [each["item_id"] for each in items] == ["departure"]
