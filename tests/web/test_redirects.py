# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Redirects from mistyped addresses."""

import asyncio
import contextlib
import http.client
from urllib.parse import quote

import pytest
from yarl import URL

from tests.conftest import Client, Clock
from tests.web.purchases import buy, path_of

BEHIND = [
    ".",
    ")",
    ",",
    ">",
    "%20",
    "%E2%80%99",
    "%E2%80%8B",
    "*",
    "_",
    "/",
    "//",
    ").",
    "%22",
    "%3E.",
    "&fbclid=x",
    ";",
    "!",
    "%0D%0A",
    "%0D%0AThanks",
]


async def tokens(store: Client) -> tuple[str, str]:
    """Return the paths of a receipt and of one of its downloads."""
    bought = await buy(store, "zine")
    downloads = bought["downloads"]
    assert isinstance(downloads, dict)
    return path_of(bought["receipt"]), path_of(downloads["zine"])


@pytest.mark.parametrize("behind", BEHIND)
async def test_trailing_punctuation_is_redirected(
    store: Client, behind: str
) -> None:
    """Chat and mail programs include the full stop in a link."""
    for path in await tokens(store):
        answer = await store.get(
            URL(path + behind, encoded=True), allow_redirects=False
        )
        assert answer.status == 302
        assert answer.headers["Location"] == path
        assert answer.headers["Cache-Control"] == "private, no-store"
        assert answer.headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize("behind", ["A", "a", "1", "/more"])
async def test_invalid_token_is_not_redirected(
    store: Client, behind: str
) -> None:
    """No token has a second valid spelling."""
    _, path = await tokens(store)
    url = URL(path + behind, encoded=True)
    answer = await store.get(url, allow_redirects=False)
    assert answer.status == 404


async def test_expired_link_with_a_full_stop_is_410(
    store: Client, clock: Clock
) -> None:
    _, path = await tokens(store)
    clock.now += 3 * 24 * 3600
    assert (await store.get(path + ".")).status == 410


async def test_mail_form_address_is_redirected_to_the_receipt(
    store: Client,
) -> None:
    receipt, _ = await tokens(store)
    answer = await store.get(receipt + "/mail", allow_redirects=False)
    assert answer.status == 302
    assert answer.headers["Location"] == receipt
    answer = await store.delete(receipt + "/mail")
    assert answer.status == 405


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/catalog/", "/catalog"),
        ("/catalog/?q=a%20b&page=1", "/catalog?q=a%20b&page=1"),
        ("/catalog/night-bus/", "/catalog/night-bus"),
        ("/catalog/night-bus///", "/catalog/night-bus"),
        ("/cart/", "/cart"),
        ("/checkout/", "/checkout"),
        ("/redeem/?code=ABC", "/redeem?code=ABC"),
        ("/verify/", "/verify"),
        ("/-/health/", "/-/health"),
    ],
)
async def test_trailing_slash_is_redirected(
    store: Client, path: str, location: str
) -> None:
    answer = await store.get(URL(path, encoded=True), allow_redirects=False)
    assert answer.status == 308
    assert answer.headers["Location"] == location


async def test_post_with_trailing_slash_is_308(store: Client) -> None:
    answer = await store.post("/cart/", data={"add": "departure"})
    assert answer.status == 200
    assert answer.url.path == "/cart"
    assert "Departure" in await answer.text()


@pytest.mark.parametrize(
    "path", ["/nowhere/", "/%2F/", "/download/a/b/c/", "/catalog/a/b/"]
)
async def test_trailing_slash_of_an_unknown_page_is_404(
    store: Client, path: str
) -> None:
    answer = await store.get(URL(path, encoded=True), allow_redirects=False)
    assert answer.status == 404


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example/catalog/",
        "//evil.example:80/catalog/?x=1",
        "//user:p@evil.example/catalog/",
        "///evil.example/catalog/",
        "//[/",
        "//a:b/",
        "//a:99999999/",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_path_that_names_another_host_leads_nowhere(
    store: Client, method: str, path: str
) -> None:
    """To a browser, `//host/` is an address, too."""
    assert store.port
    connection = http.client.HTTPConnection("127.0.0.1", store.port)

    def send() -> tuple[int, str | None]:
        with contextlib.closing(connection):
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, answer.headers["Location"]

    assert await asyncio.to_thread(send) == (404, None)


@pytest.mark.parametrize(
    "form",
    [
        "{}",
        "{}.",
        "<{}>",
        "{}/",
        "{}/mail",
        "{}#x",
        "{}?mailed=1",
        "Thank you!\r\n> {}\r\n-- \r\nThe Wet Coats",
        "https://x.safelinks.protection.outlook.com/?url={quoted}&data=05",
    ],
)
async def test_find_and_verify_agree_on_pasted_text(
    store: Client, form: str
) -> None:
    receipt, _ = await tokens(store)
    url = f"https://shop.example{receipt}"
    half = len(url) // 2
    for given in (
        url,
        f"{url[:half]}\r\n{url[half:]}",
        f"{url[:half]}=\r\n{url[half:]}",
    ):
        text = form.format(given, quoted=quote(given, safe=""))
        answer = await store.get(
            "/purchases", params={"receipt": text}, allow_redirects=False
        )
        assert answer.status == 303
        assert answer.headers["Location"] == receipt
        answer = await store.get(
            "/verify",
            params={"q": text},
            headers={"Accept": "application/json"},
        )
        assert (await answer.json())["kind"] == "receipt"


async def test_find_without_a_receipt_is_an_error(store: Client) -> None:
    receipt, link = await tokens(store)
    for text in (receipt[:-1], receipt + "x", link, "a.b.c", "nothing"):
        answer = await store.get("/purchases", params={"receipt": text})
        assert answer.status == 404
