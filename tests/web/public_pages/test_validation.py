# SPDX-FileCopyrightText: MSRV contributors
# SPDX-License-Identifier: AGPL-3.0-or-later

"""Validators of public pages, and what caches may do with them."""

import re

import pytest

from msrv.settings import Settings
from msrv.web import cookies
from msrv.web.openapi.document import OPERATIONS
from msrv.web.public_pages import validation
from msrv.web.routes import ROUTES
from msrv.web.store import STORE
from tests.conftest import Client, StartStore
from tests.web.counted_store import CountedStore

JSON = {"Accept": "application/json"}
PATHS = (
    "/",
    "/catalog",
    "/catalog?q=umbrella",
    "/artists",
    "/artists/the-wet-coats",
    "/embed/night-bus",
)
CART = {"Cookie": "cart=umbrella"}


@pytest.mark.parametrize("headers", [{}, JSON], ids=["page", "JSON"])
async def test_page_that_is_known_is_not_sent_again(
    store: Client, headers: dict[str, str]
) -> None:
    """By the application, and by the fast path."""
    counted = CountedStore(store)
    for path in PATHS:
        whole = await store.get(path, headers=headers)
        etag = whole.headers["ETag"]
        assert whole.headers["Cache-Control"] == "no-cache"
        assert whole.headers["Vary"] == (
            "Accept, Accept-Language, Cookie, Accept-Encoding"
        )
        for extra in ({}, {"Connection": "close"}):
            counted.fell_through = 0
            known = await store.get(
                path, headers={**headers, **extra, "If-None-Match": etag}
            )
            assert counted.fell_through == len(extra)
            assert known.status == 304
            assert await known.read() == b""
            # A client updates the headers that it has stored.
            kept = {*whole.headers} - {
                "Content-Encoding",
                "Content-Length",
                "Content-Type",
                "Date",
            }
            for name in kept:
                assert known.headers[name] == whole.headers[name], name
        changed = await store.get(
            path, headers={**headers, "If-None-Match": 'W/"x", "y"'}
        )
        assert changed.status == 200


async def test_json_and_pages_in_all_languages_have_their_own_etags(
    store: Client,
) -> None:
    found = [
        (await store.get("/", headers=headers)).headers["ETag"]
        for headers in ({}, JSON, {"Accept-Language": "de"})
    ]
    assert len(set(found)) == 3


async def test_etag_is_the_same_on_every_replica_and_changes_with_the_catalog(
    start_store: StartStore, settings: Settings
) -> None:
    public = settings.model_copy(update={"public_url": "https://shop.example"})
    headers = {"Host": "shop.example"}
    etags = []
    for number in range(3):
        if number == 2:
            path = settings.library_folder / "Umbrella" / "release.toml"
            path.write_text(path.read_text().replace("One song", "A song"))
        replica = public.model_copy(
            update={"data": settings.data.with_name(f"data {number}")}
        )
        store = await start_store(replica)
        etags.append(
            [
                (await store.get(path, headers={**headers, **JSON})).headers[
                    "ETag"
                ]
                for path in ("/", "/catalog/umbrella-single")
            ]
        )
    assert etags[0] == etags[1]
    assert not set(etags[0]) & set(etags[2])


async def test_page_with_the_id_of_an_attempt_has_no_etag(
    store: Client,
) -> None:
    """Two visitors with the same id would place one order."""
    answer = await store.get("/catalog/night-bus")
    assert 'name="attempt"' in await answer.text()
    assert "ETag" not in answer.headers
    assert answer.headers["Cache-Control"] == "private, no-cache"
    data = await store.get("/catalog/night-bus", headers=JSON)
    assert data.headers["ETag"]


@pytest.mark.parametrize(
    "cookie",
    ["cart=umbrella", "cart=", "discount=SUMMER", "payment=L3BheW1lbnRz"],
)
async def test_page_of_a_visitor_is_for_the_visitor_alone(
    store: Client, cookie: str
) -> None:
    counted = CountedStore(store)
    for path in PATHS:
        etag = (await store.get(path)).headers["ETag"]
        counted.fell_through = 0
        own = await store.get(
            path, headers={"Cookie": cookie, "If-None-Match": etag}
        )
        assert (own.status, counted.fell_through) == (200, 1)
        assert "ETag" not in own.headers
        assert own.headers["Cache-Control"] == "private, no-cache"
        assert "Cookie" in own.headers["Vary"]


@pytest.mark.parametrize(
    "path", ["/cart", "/verify", "/redeem", "/library", "/checkout", "/nope"]
)
async def test_other_pages_have_no_validators(
    store: Client, path: str
) -> None:
    answer = await store.get(path)
    assert "ETag" not in answer.headers


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/embed/night-bus", 200),  # a page in HTML alone
        ("/catalog/night-bus", 406),
        ("/catalog/none", 404),
    ],
)
async def test_handler_decides_what_to_send_if_no_page_is_acceptable(
    store: Client, path: str, status: int
) -> None:
    counted = CountedStore(store)
    await store.get(path)  # it may be cached
    counted.fell_through = 0
    answer = await counted.store.get(path, headers={"Accept": "image/*"})
    assert (answer.status, counted.fell_through) == (status, 1)


async def test_address_with_a_parameter_of_no_page_is_not_cached(
    store: Client,
) -> None:
    pages = store.app[STORE].public_pages
    for path in ("/catalog/night-bus", "/catalog", "/embed/night-bus"):
        await store.get(path)
        before = len(pages)
        for query in (
            "fbclid=x",
            "lang=de&utm_source=x",
            "page=1&page=1",
            "lang=de&&",
        ):
            for headers in ({}, JSON, CART):
                answer = await store.get(f"{path}?{query}", headers=headers)
                assert answer.status == 200
        assert len(pages) == before
        await store.get(f"{path}?lang=de")
        assert len(pages) == before + 2  # a template, and a whole response


def test_parameters_of_pages_are_those_of_the_openapi_document() -> None:
    names = {
        route.path: route.kwargs["name"]
        for route in ROUTES
        if route.method == "GET"
    }
    documented = {
        names[each.path]: {"lang", *each.query}
        for each in OPERATIONS
        if each.method == "get"
        and names.get(each.path) in validation.PUBLIC_ROUTES
    }
    assert {**documented, "embed": {"lang", "size"}} == dict(
        validation.PUBLIC_ROUTES
    )


def test_every_cookie_of_a_visitor_is_accounted_for() -> None:
    """A public page with a part by another cookie would be cached for all.

    Whoever adds a cookie decides here: pages don't depend on it, the key of a
    page has it, there is a slot for it, or it keeps pages from being cached.
    """
    names = {
        value
        for name, value in vars(cookies).items()
        if name.isupper()
        and type(value) is str
        and re.fullmatch("[a-z]+", value)
    }
    ignored, in_keys = {cookies.CLAIM}, {cookies.LANGUAGE}
    in_slots = {cookies.CART}
    uncached = {
        name for name in validation._WITHOUT_SLOT if not name.startswith("__")
    }
    assert names == ignored | in_keys | in_slots | uncached
    secure = {f"__Host-{name}" for name in uncached}
    assert secure | uncached == validation._WITHOUT_SLOT
